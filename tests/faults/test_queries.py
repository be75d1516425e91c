"""Queries and options of every kind: an answer or a sentence, the right exit code, one JSON object."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from groma.config import load
from groma.engine import Engine
from groma.errors import UsageError
from groma.types import LOCAL, Request
from tests.faults.corpus import modules
from tests.processes import Place, Ran, repository, write


class Indexed:
    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        files = {**modules(40), "docs/guide.md": "# Guide\n\nHow 数据库 connects 🦀.\n", "src/naïve.py": "def straße():\n    return 'ok'\n"}
        self.root = repository(folder / "repo", dict(files))
        self.place.groma("index", self.root)

    def search(self, *args: str | bytes, code: int | None = 0) -> Ran:
        return self.place.groma("search", "--no-index", "--json", "--repo", self.root, *args, code=code)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    return Indexed(tmp_path_factory.mktemp("queries"))


@pytest.mark.parametrize("query", [("",), ("   ",), ("\t\n",), ("", " ")])
def test_an_empty_query_is_wrong_usage(indexed: Indexed, query: tuple[str, ...]) -> None:
    ran = indexed.search(*query, code=2)
    assert ran.out == "" and "empty" in ran.err and len(ran.err.splitlines()) == 1


def test_a_query_of_a_megabyte(indexed: Indexed) -> None:
    ran = indexed.search(*["validate the ledger " * 3000] * 17)  # one argument may not be longer than 128 kB
    assert ran.json["hits"] and any("too long" in said for said in ran.json["degraded"])


ODD = {
    "stop words": "the of and is",
    "Chinese": "数据库",
    "emoji": "🦀",
    "Latin with marks": "straße",
    "a path": "src/part00/unit0003.py",
    "a path and line": "src/part00/unit0003.py:12-20",
    "a folder": "src/part01/",
    "an absolute path": "/etc/passwd",
    "a regex": r"def (validate|parse)_\w+\(.*\)$",
    "a broken regex": "((((([",
    "punctuation": '!@#$%^&*()_+{}|:"<>?`~',
    "control characters": "validate\x01\x02\x1b[31m\x7fledger",
    "one letter": "x",
    "digits": "000000000000",
    "quotes": '"validate ledger"',
    "SQL": "'; DROP TABLE chunks; --",
    "a format": "%s%n{0}${x}",
    "no text at all": "\u200b\u200d",
    "bytes that are no text": os.fsdecode(b"ledger \xff\xfe"),
    "a long word": "a" * 100_000,
    "right to left": "\u202eledger",
    "newlines": "validate\nledger\r\nsession",
}


def test_odd_queries_are_answered(indexed: Indexed) -> None:
    """In one process each way: all through the engine, some through the shell."""
    with Engine(load({}, data_dir=indexed.place.data, config_file=indexed.place.data / "none")) as engine:
        for name, query in {**ODD, "NUL": "validate\0ledger"}.items():
            answer = engine.search(LOCAL, [str(indexed.root)], Request(query, explain=True))
            assert answer.query == query
            if name in ("a path", "a path and line"):
                assert answer.hits[0].path == "src/part00/unit0003.py"
            if name in ("Chinese", "Latin with marks"):
                assert answer.hits, name
            if name in ("stop words", "punctuation", "emoji"):
                assert any("no searchable words" in said for said in answer.degraded)
        with pytest.raises(UsageError):
            engine.search(LOCAL, [str(indexed.root)], Request(" \n"))


@pytest.mark.parametrize("name", ["stop words", "Chinese", "control characters", "bytes that are no text", "a broken regex", "a long word"])
def test_odd_queries_from_the_shell(indexed: Indexed, name: str) -> None:
    assert isinstance(indexed.search(ODD[name]).json["hits"], list)
    assert "\x1b" not in indexed.place.groma("search", "--no-index", "--repo", indexed.root, ODD[name]).err


def test_queries_that_look_like_options(indexed: Indexed) -> None:
    assert indexed.search("--", "--validate", "-ledger").json["query"] == "--validate -ledger"
    ran = indexed.search("--validate", code=2)
    assert ran.out == "" and "No such option" in ran.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-k", "0"), "between 1 and 100"),
        (("-k", "-1"), "between 1 and 100"),
        (("-k", "1000"), "between 1 and 100"),
        (("-k", "many"), "not a valid integer"),
        (("--language", "klingon"), "known: bash"),
        (("--kind", "poem"), "function"),
    ],
)
def test_options_out_of_range_name_what_is_known(place: Place, options: tuple[str, ...], words: str) -> None:
    root = repository(place.folder / "repo", modules(2))
    ran = place.groma("search", "--json", "--repo", root, *options, "ledger", code=2)
    assert ran.out == "" and words in ran.err
    assert not place.data.exists()  # it was wrong before anything was indexed for it


def test_filters(indexed: Indexed) -> None:
    assert {h["language"] for h in indexed.search("-l", "markdown", "connects ledger").json["hits"]} == {"markdown"}
    assert {h["kind"] for h in indexed.search("--kind", "class", "ledger").json["hits"]} <= {"class"}
    assert {h["path"].split("/")[1] for h in indexed.search("-p", "src/part01", "ledger").json["hits"]} == {"part01"}
    assert indexed.search("-p", "no/such/*.folder", "ledger").json["hits"] == []
    assert indexed.search("-p", "[", "ledger").json["hits"] == []
    assert len(indexed.search("-k", "1", "ledger").json["hits"]) == 1
    assert indexed.search("--near", "no/such/file.py", "ledger").json["hits"]


EVERY_VERB: list[tuple[tuple[str, ...], int, int]] = [
    (("index", "ROOT"), 0, 0),
    (("search", "--repo", "ROOT", "qqqzzz"), 0, 0),
    (("search", "--repo", "ROOT", "--no-index", "ledger"), 0, 6),
    (("status",), 0, 0),
    (("why", "--repo", "ROOT", "a.py"), 0, 6),
    (("verify",), 0, 6),
    (("verify", "ROOT"), 0, 6),
    (("rebuild",), 0, 6),
    (("rebuild", "ROOT"), 0, 0),
    (("doctor",), 0, 0),
    (("config", "show"), 0, 0),
    (("forget", "ROOT"), 0, 6),
]
"""A verb, its exit code where the folder is indexed, and where nothing is."""


@pytest.mark.parametrize("known", [True, False])
def test_every_verb_prints_one_object_and_exits_as_it_says(tmp_path: Path, known: bool) -> None:
    place = Place(tmp_path / "known")
    for number, (args, code, code_unknown) in enumerate(EVERY_VERB):
        if not known:
            place = Place(tmp_path / f"unknown{number}")
        root = place.folder / "repo"
        if not root.exists():
            repository(root, {"a.py": "def alpha():\n    return 1\n"})
        ran = place.groma(*(str(root) if a == "ROOT" else a for a in args), "--json", code=code if known else code_unknown)
        if ran.code == 0 or args[0] == "verify":
            assert ran.json["schema"] == f"groma.{args[0]}/1" and ran.out.count("\n") == 1, ran
        else:
            assert ran.out == "" and len(ran.err.splitlines()) == 1, ran


def test_wrong_usage_of_the_program_itself(place: Place) -> None:
    for args in ((), ("fly",), ("index", "a", "b"), ("search",), ("--nonsense",)):
        ran = place.groma(*args, code=2)
        assert ran.out == "" and ran.err
    assert place.groma("--help").out.index("Examples") < place.groma("--help").out.index("Commands")
    assert place.groma("--version").out.startswith("groma ")


def test_a_configuration_that_cannot_be_meant(place: Place) -> None:
    root = repository(place.folder / "repo", {"a.py": "x = 1\n"})
    assert "max_file_bytes" in place.groma("index", root, code=3, env={"GROMA_MAX_FILE_BYTES": "lots"}).err
    for content, words in (("max_file_bytes = [", "TOML"), ("colour = 1", "does not know"), ('data_dir = "/tmp/x"', "may not set")):
        write(root / ".groma.toml", content)
        ran = place.groma("index", root, code=3)
        assert words in ran.err and len(ran.err.splitlines()) == 1
    (root / ".groma.toml").unlink()
    (root / ".groma.toml").symlink_to("/dev/zero")  # a clone may hold such a link
    place.groma("index", root)


def test_readers_that_leave_and_outputs_that_cannot_be_written(indexed: Indexed) -> None:
    place, root = indexed.place, indexed.root
    for more in ((), ("--json",), ("--explain",)):
        process = place.start("search", "--no-index", "--repo", root, "-k", "100", "ledger session", *more)
        head = subprocess.run(["head", "-c", "5"], stdin=process.stdout, capture_output=True, check=True)
        assert process.stdout is not None and head.stdout
        process.stdout.close()
        process.stdout = None
        place.end(process, code=None)
    with open("/dev/full", "wb") as full:
        for args in (("search", "--no-index", "--repo", root, "ledger"), ("status", "--json")):
            process = place.start(*args, stdout=full)
            ran = place.end(process, code=1)
            assert ran.err == "groma: No space left on device\n"


def test_a_locale_that_knows_no_unicode(indexed: Indexed) -> None:
    env = {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"}
    assert "src/na" in indexed.place.groma("search", "--no-index", "--repo", indexed.root, "straße", env=env).out
    assert indexed.place.groma("search", "--no-index", "--json", "--repo", indexed.root, "straße", env=env).json["query"] == "straße"
