"""How groma gets into agents: a row a client (`clients.py`), a format a file, what is written and taken back, and the hooks they call."""
