"""From a question to the right lines. `pipeline` is the whole way on one page; each step is a file of its name."""
