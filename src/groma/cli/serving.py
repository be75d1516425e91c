"""What `groma serve --foreground` does: be the daemon. Whoever starts one waits for it, so `__main__` leads here past the other verbs, and nothing is
imported that a daemon does not need."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ..config import Settings

__all__ = ["alone", "serve"]


def alone() -> NoReturn:
    """The process, without the command line around it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # see `main.run`, which is passed by
    from .. import places
    from ..config import load
    from ..errors import GromaError

    try:
        serve(load(os.environ, data_dir=places.data_dir(os.environ), config_file=places.config_file(os.environ)))
    except GromaError as e:
        from .shared import say

        say([e.message])
        sys.exit(e.exit_code)
    sys.exit(0)


def serve(held: Settings) -> None:
    """Answer until told to stop; where a daemon runs already, say so. Raises ConfigurationError where groma is read-only, and as `daemon.serve`."""
    from ..errors import ConfigurationError
    from ..serve.upkeep import code_state

    if held.read_only:
        raise ConfigurationError(f"A daemon writes, and groma is read-only here (read_only is set by {held.origins['read_only']}).")
    code = code_state()  # before most of it is imported: what is changed from here on is another's
    without = "ssl" not in sys.modules
    if without:
        sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without where there is none; nothing is encrypted on a local socket
    try:
        from ..serve import daemon
    finally:
        if without:
            del sys.modules["ssl"]
    from ..serve.client import answers

    if not daemon.serve(held, os.environ, answers=lambda: answers(held, os.environ), code=code):
        sys.stderr.write("groma: a daemon runs already\n")
