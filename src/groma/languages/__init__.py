"""Data: the table of languages (`languages.toml`) and one query file a grammar (`<name>/tags.scm`)."""
