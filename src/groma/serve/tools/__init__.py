"""What agents see: tools, resources, prompts, completions as plain functions and JSON schemas. Knows no transport and no MCP library."""

from .catalogue import ERROR_CODES, TOOLSETS, catalogue
from .surface import Surface

__all__ = ["ERROR_CODES", "TOOLSETS", "Surface", "catalogue"]
