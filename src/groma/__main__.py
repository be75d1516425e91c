"""`python -m groma`, and the `groma` command."""

from .cli.main import main

if __name__ == "__main__":
    main()
