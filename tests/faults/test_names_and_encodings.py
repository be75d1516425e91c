"""Names that no terminal likes, contents that are no plain UTF-8, and things in a folder that are no files: found, or left out with the reason."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.processes import Place, git, unprivileged, write

NEEDLE = "def the_needle():\n    return 'found'\n"

NAMES = [
    "new\nline.py", "tab\tbed.py", "quo\"te's.py", "back\\slash.py", "-dash.py", "--repo.py", " space .py", "🦀 crab.py", "漢字.py", "é.py",
    "e\u0301.py", "star*?[x].py", "dollar$HOME.py", "semi;colon&.py", "percent%20.py", "hash#.py", "at@.py", ".hidden.py", "no extension",
    "x" * 252 + ".py", "漢" * 84 + ".py", "\x1b[31mred.py", "bell\a.py",
]  # fmt: skip
"""All valid UTF-8: each must be found by a search, under exactly its name."""


def test_every_name_is_found_under_its_name(place: Place) -> None:
    root = place.folder / "repo"
    names = [*NAMES, "/".join(["deep"] * 200) + "/down.py", "a\nfolder/in\nside.py"]
    for i, name in enumerate(names):
        write(root / name, f"def needle_{i}():\n    return {i}\n")
    with open(os.path.join(os.fsencode(root), b"latin-\xe9.py"), "w") as f:
        f.write(NEEDLE)
    index = place.groma("index", "--json", root).json
    assert (index["indexed"], index["skipped"]) == (len(names), {"name-not-utf8": 1})
    hits = place.groma("search", "--json", "--repo", root, "-k", "100", "needle return").json["hits"]
    assert {h["path"] for h in hits} == set(names)
    for hit in hits:
        assert (root / hit["path"]).read_text().rstrip("\n") == hit["text"]
    shown = place.groma("search", "--repo", root, "-k", "100", "needle return").out
    assert "\x1b" not in shown and "\a" not in shown and "new\\nline.py:1-2" in shown
    assert "\\xe9" in place.groma("why", "--json", "latin-\\xe9.py", cwd=root).out
    for name in ("new\nline.py", "-dash.py", "漢字.py"):
        why = place.groma("why", "--json", "--", name, cwd=root).json
        assert why["indexed"] and why["path"] == name
    assert place.groma("search", "--json", "--repo", root, "--path", "-dash.py", "needle").hits[0][0] == "-dash.py"
    place.groma("verify")


def test_git_agrees_on_strange_names(place: Place) -> None:
    """The index of git holds the same names, so a committed file is found without being read."""
    root = place.folder / "repo"
    for i, name in enumerate(NAMES):
        write(root / name, f"def needle_{i}():\n    return {i}\n")
    git(place.folder, "init", "-q", root)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "strange")
    assert place.groma("index", "--json", root).json["indexed"] == len(NAMES)
    git(root, "worktree", "add", "-q", "../other")
    second = place.groma("index", "--json", place.folder / "other").json
    assert (second["indexed"], second["read"]) == (len(NAMES), 0)


def test_encodings_and_line_ends(place: Place) -> None:
    root = place.folder / "repo"
    text = "def alpha_one():\n    return 'Käse'\n\n\ndef beta_two():\n    return 2\n"
    kept = {
        "utf8.py": text.encode(),
        "bom.py": b"\xef\xbb\xbf" + text.encode(),
        "latin1.py": text.encode("latin-1"),
        "cut.py": text.encode()[:-1] + "é".encode()[:1],
        "utf16.py": text.encode("utf-16"),
        "utf16be.py": b"\xfe\xff" + text.encode("utf-16-be"),
        "crlf.py": text.replace("\n", "\r\n").encode(),
        "cr.py": text.replace("\n", "\r").encode(),
        "mixed.py": text.replace("\n", "\r\n", 2).encode(),
        "form-feed.py": text.replace("\n\n\n", "\n\f\n\v\n\x1c\n\u2028\n").encode(),
        "surrogate.py": text.encode() + b"# \xed\xa0\x80\n",
        "late-nul.py": text.encode() + b"# filler\n" * 1000 + b"# \0\n",
        "no-newline.py": text.rstrip("\n").encode(),
        "newlines.py": b"\n\n\n" + text.encode() + b"\n\n\n",
    }
    left_out = {
        "binary": {
            "nul.py": b"def alpha_one():\0\n",
            "utf16-bare.py": text.encode("utf-16-le"),
            "utf16be-bare.py": text.encode("utf-16-be"),
            "utf32.py": b"\0\0\xfe\xff" + text.encode("utf-32-be"),
        },
        "empty": {"empty.py": b"", "blank.py": b" \n\t\r\n\n"},
    }
    for path, content in {**kept, **{p: c for some in left_out.values() for p, c in some.items()}}.items():
        write(root / path, content)
    index = place.groma("index", "--json", root).json
    assert index["skipped"] == {reason: len(some) for reason, some in left_out.items()}
    hits = place.groma("search", "--json", "--repo", root, "-k", "100", "alpha_one beta_two").json["hits"]
    assert {h["path"] for h in hits} == set(kept)
    for hit in hits:
        lines = _decoded(kept[hit["path"]]).split("\n")
        assert "\n".join(lines[hit["start_line"] - 1 : hit["end_line"]]) == hit["text"], hit["path"]
    place.groma("verify")


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def test_what_is_no_file_is_left_out_with_its_reason(place: Place) -> None:
    root = place.folder / "repo"
    write(root / "good.py", NEEDLE)
    write(place.folder / "outside/secret.py", NEEDLE.replace("needle", "secret"))
    os.mkfifo(root / "fifo.py")
    (root / "device.py").symlink_to("/dev/zero")
    (root / "loop.py").symlink_to("loop.py")
    (root / "broken.py").symlink_to("nowhere.py")
    (root / "inner.py").symlink_to("good.py")
    (root / "folder").mkdir()
    (root / "folder/up").symlink_to("..")
    (root / "out").symlink_to(place.folder / "outside")
    (root / "out.py").symlink_to(place.folder / "outside/secret.py")
    write(root / ".env", "TOKEN=1\n")
    write(root / "closed.py", NEEDLE)
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(root)  # a socket's path must be short
        s.bind("socket.py")
        os.chdir(here)
        index = place.groma("index", "--json", root).json
    assert index["skipped"] == {
        "broken-symlink": 1, "not-a-regular-file": 2, "secrets-file": 1, "symlink": 1, "symlink-loop": 2, "symlink-outside": 3,
    }  # fmt: skip
    assert index["indexed"] == 2
    hits = place.groma("search", "--json", "--repo", root, "needle secret TOKEN").json["hits"]
    assert {h["path"] for h in hits} == {"good.py", "closed.py"}
    for path, reason in (("fifo.py", "FIFO"), (".env", "secrets"), ("out.py", "leaves the root"), ("loop.py", "itself")):
        assert reason in place.groma("why", path, cwd=root).out
    place.groma("verify")


def test_a_folder_that_others_may_not_read(place: Place) -> None:
    root = place.folder / "repo"
    write(root / "good.py", NEEDLE)
    write(root / "closed.py", NEEDLE).chmod(0)
    write(root / "folder/inside.py", NEEDLE)
    (root / "folder").chmod(0)
    try:
        index = place.groma("index", "--json", root, before=unprivileged).json
        assert (index["indexed"], index["skipped"]) == (1, {"unreadable": 2})
        root.chmod(0)
        ran = place.groma("index", root, code=3, before=unprivileged)
        assert ran.err == f"groma: {root} cannot be read; check its permissions.\n"
        place.groma("status", before=unprivileged)
    finally:
        root.chmod(0o700)
        (root / "folder").chmod(0o700)
        Path(root / "closed.py").chmod(0o600)
    assert place.groma("index", "--json", root).json["indexed"] == 3
