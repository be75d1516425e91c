"""Memory: what is remembered and recalled. Truth is in the catalogue; here are the rules, and the projection that recall scans.

It knows the core, the catalogue and the values; no store, no index of files.
"""
