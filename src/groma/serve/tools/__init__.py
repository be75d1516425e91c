"""What agents see: tools, resources, prompts, completions as plain functions and JSON schemas. Knows no transport and no MCP library."""

from .catalogue import TOOLSETS, catalogue
from .surface import Surface

__all__ = ["TOOLSETS", "Surface", "catalogue"]
