"""One file a revision. There is no way back down: a backup is a copy of the catalogue."""
