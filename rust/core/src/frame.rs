//! A batch of columns as one run of bytes, as it crosses from the worker to its parent.
