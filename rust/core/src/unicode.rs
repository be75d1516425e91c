//! The one table of character classes both cores use.
