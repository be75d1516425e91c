//! Postings and vectors, mapped from files, and the scans over them. Twin of `groma._pure.segment`.
