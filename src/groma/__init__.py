"""groma: a local context engine for coding agents."""

__all__ = ["__version__"]

__version__ = "0.1.0"
