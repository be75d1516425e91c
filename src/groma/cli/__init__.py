"""The command line: one file a verb, loaded only when it is called. It translates and prints; it decides nothing."""
