"""Write what the stdio front says before it asks anybody: `python tools/catalogue.py` makes `rust/stdio/catalogue.json`.

`tests/serve/test_catalogue.py` checks that it is current, and that it is what a server over the official MCP library answers.
"""

from __future__ import annotations

import json
from pathlib import Path

from groma.serve.tools import TOOLSETS, catalogue

PATH = Path(__file__).parents[1] / "rust" / "stdio" / "catalogue.json"


def text() -> str:
    """The file: an object of a catalogue a toolset."""
    return json.dumps({toolset: catalogue(toolset) for toolset in TOOLSETS}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text(), "utf-8")
