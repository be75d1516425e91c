"""`python -m groma`, and the `groma` command."""

import gc
import os
import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported ends it quietly too."""
    gc.disable()  # what is imported stays; to look through it again and again takes a sixth of a search. `open_engine` enables it
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv):
        from .cli.hooks import answer  # an agent waits: nothing is imported that an event does not need

        answer(sys.argv[2:])
    try:
        if sys.argv[1:] == ["serve", "--foreground"] and None not in (sys.stdin, sys.stdout, sys.stderr) and sys.getfilesystemencoding() == "utf-8":
            from .cli.serving import alone  # who started it waits until it answers

            alone()
        from .cli.main import main as run

        run()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
