"""Adapters of the Store and Facts ports, one file each, imported only when chosen. They know the core and their own library, no ranking."""
