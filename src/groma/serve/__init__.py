"""Faces that stay: MCP now. They translate the engine's verbs, nothing else."""
