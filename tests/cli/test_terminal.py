"""What a terminal sees, under a real pseudo-terminal: links, colours, a progress bar, and no control character of anybody else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from tests.processes import Place, repository, write

GREEN = "\x1b[32m\x1b[1m"

SLOW = ("-c", "import itertools, time; time.monotonic = itertools.count(0, 2).__next__; from groma.__main__ import main; main()")
"""A groma for which two seconds pass whenever it looks at the clock."""


def on_terminal(place: Place, *args: str | Path, cwd: Path | None = None, program: tuple[str, str] = ("-m", "groma"), **environment: str) -> str:
    """What `groma ARGS` writes to a terminal that is its standard output and error, line ends made plain."""
    master, slave = pty.openpty()
    env = place.environment(TERM="xterm-256color") | environment
    process = subprocess.Popen(
        [sys.executable, *program, *args], cwd=cwd or place.folder, env=env, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
    )
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(master)
    assert process.wait(60) == 0, said.decode()
    return said.decode().replace("\r\n", "\n")


def test_places_are_links_to_the_file(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    out = on_terminal(place, "search", "--repo", shop, "-k", "1", "where is the order sent to the warehouse")
    link = r"\x1b\]8;;(file://[^\x1b#]+)#L(\d+)\x1b\\(web/checkout\.ts:\2-\d+)\x1b\]8;;\x1b\\"
    found = re.search(re.escape(GREEN) + link + r"\x1b\[0m  sendOrder  ", out)
    assert found, repr(out[:300])
    assert found[1] == (shop / "web/checkout.ts").as_uri()


def test_no_colour_where_none_is_wanted(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    plain = place.groma("search", "--repo", shop, "-k", "1", "discount").out
    out = on_terminal(place, "search", "--repo", shop, "-k", "1", "discount", NO_COLOR="1")
    assert "\x1b[" not in out and "\x1b]8;;file://" in out
    assert re.sub(r"\x1b\]8;;.*?\x1b\\", "", out) == plain
    assert on_terminal(place, "search", "--repo", shop, "-k", "1", "discount", TERM="dumb") == plain


def test_sources_and_names_do_not_steer_the_terminal(place: Place) -> None:
    evil = "def greet():\n    print('\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202e bidi \x9b31m \x7f')\n"
    root = repository(place.folder / "evil", {"a\x1b[2J\nb.py": evil, "wide\u3000space.py": "def wide(): pass\n"})
    place.groma("index", root)
    out = on_terminal(place, "search", "--repo", root, "greet bidi red title", NO_COLOR="1")
    shown = re.sub(r"\x1b\]8;;.*?\x1b\\", "", out)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown), repr(shown)
    assert "a\\x1b[2J\\nb.py:1-2  greet" in shown
    assert "\\x1b[31mred" in shown and "\\u202e bidi" in shown and "wide\u3000space.py" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]", out)
    for verb in (("why", "a\x1b[2J\nb.py"), ("why", "nothing\x1b[2J.py"), ("status",)):
        said = place.groma(*verb, cwd=root, code=None)
        assert "\x1b" not in said.out + said.err


def test_long_lines_are_cut_and_said_to_be(place: Place) -> None:
    root = repository(place.folder / "long", {"a.py": "def long_line(): return '" + "x" * 900 + "'\n"})
    out = place.groma("search", "--repo", root, "long line").out
    assert max(map(len, out.splitlines())) < 420 and "…" in out


def test_a_bar_while_much_is_indexed(place: Place) -> None:
    """The clock of the process is ours: how long a run takes depends on the machine, and a quick one draws no bar."""
    for i in range(500):
        write(place.folder / "many" / f"m{i}.py", f"def f{i}(value):\n    return value + {i}\n")
    out = on_terminal(place, "index", "many", program=SLOW)
    bars = re.findall(r"\rindexing \[(#* *)\] (\d+)/500 files  \d+/s *", out)
    assert bars and all(len(bar) == 30 for bar, _ in bars)
    assert [int(done) for _, done in bars] == sorted(int(done) for _, done in bars)
    assert bars[-1] == ("#" * 30, "500")
    assert re.search(r"500/500 files  \d+/s *\n/", out)
    write(place.folder / "many" / "one-more.py", "x = 1\n")
    assert place.groma("index", "many").err == ""
