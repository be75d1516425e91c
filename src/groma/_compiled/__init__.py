"""The compiled core behind the names of `groma._pure`: conversions and nothing else."""
