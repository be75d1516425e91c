"""Proof by numbers: ranking, speed and language coverage, each from one command (see README.md). Not part of the installed package."""
