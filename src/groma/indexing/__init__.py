"""From a folder to a searchable scope. `pipeline` is the whole way on one page, `plan` decides what has to be read."""
