"""Tests of the faces that stay."""
