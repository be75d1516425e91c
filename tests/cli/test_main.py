"""The command as a whole: help, version, unknown verbs, completion; and what becomes of its output when the world is not kind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from groma.cli.main import VERBS, cli
from tests.cli.conftest import Groma
from tests.processes import Place, write

OF_MEMORIES = ("list", "show", "update", "promote", "history", "undo", "purge", "sweep")
EVERY_HELP = [(), *((verb,) for verb in VERBS), ("config", "show"), *(("memories", verb) for verb in OF_MEMORIES)]


@pytest.mark.parametrize("verb", EVERY_HELP, ids=" ".join)
def test_help_begins_with_examples(groma: Groma, verb: tuple[str, ...]) -> None:
    ran = groma(*verb, "--help")
    assert ran.err == ""
    paragraphs = ran.out.split("\n\n")
    assert paragraphs[0].startswith(f"Usage: groma {' '.join(verb)}".rstrip())
    assert re.match(r"  Examples?[ :(]", paragraphs[2]), ran.out
    assert paragraphs[2].count("\n    ") >= 1
    assert all(len(line) <= 80 for line in ran.out.splitlines())


@pytest.mark.parametrize("verb", EVERY_HELP, ids=" ".join)
def test_examples_are_commands_there_are(verb: tuple[str, ...], groma: Groma) -> None:
    for line in groma(*verb, "--help").out.splitlines():
        if found := re.match(r"    groma (\S+)", line):
            assert found[1] in VERBS


def test_verbs_say_the_same_of_themselves_in_both_places() -> None:
    context = click.Context(cli)
    for verb, short in VERBS.items():
        command = cli.get_command(context, verb)
        assert command is not None and command.get_short_help_str(200) == short


def test_no_verb_at_all(groma: Groma) -> None:
    ran = groma(code=2)
    assert ran.out == "" and ran.err.startswith("Usage: groma")


def test_an_unknown_verb_is_told_the_known_ones(groma: Groma) -> None:
    ran = groma("serch", "x", code=2)
    assert f"No such command 'serch'. Commands: {', '.join(VERBS)}." in ran.err


def test_version(groma: Groma) -> None:
    assert re.fullmatch(r"groma \d+\.\d+\.\d+\S*\n", groma("--version").out)


def test_help_and_version_are_quick_because_nothing_is_loaded() -> None:
    loaded = "import sys; sys.argv = ['groma', 'status', '--help']\ntry:\n    from groma.__main__ import main; main()\nexcept SystemExit: pass\n"
    loaded += "print('numpy' in sys.modules, 'mcp' in sys.modules, 'sqlalchemy' in sys.modules, 'groma.engine' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1].split()[1:] == ["False", "False", "False"]


@pytest.fixture
def on_the_path(place: Place) -> Path:
    """A folder with a `groma` to be put on PATH."""
    script = write(place.folder / "bin" / "groma", f'#!/bin/sh\nexec "{sys.executable}" -m groma "$@"\n')
    script.chmod(0o755)
    return script.parent


def test_completion_really_completes_in_bash(place: Place, shop: Path, on_the_path: Path) -> None:
    script = place.groma("completion", "bash").out
    write(place.folder / "groma.bash", script)

    def complete(*words: str) -> list[str]:
        ask = f"""
            source {place.folder}/groma.bash
            COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
            _groma_completion groma "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        env = place.environment(PATH=f"{on_the_path}{os.pathsep}{os.environ['PATH']}")
        ran = subprocess.run(["bash", "--norc", "-c", ask], cwd=shop, env=env, capture_output=True, text=True, check=False)
        assert ran.stderr.replace("bash: warning: ", "") == "" or "compopt" in ran.stderr, ran.stderr
        return ran.stdout.split()

    assert complete("groma", "reb") == ["rebuild"]
    assert set(complete("groma", "''")) == set(VERBS)
    assert complete("groma", "search", "--no") == ["--no-index"]
    assert complete("groma", "completion", "z") == ["zsh"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_of_other_shells(groma: Groma, shell: str) -> None:
    assert "_GROMA_COMPLETE" in groma("completion", shell).out
    groma("completion", "tcsh", code=2)


# ------------------------------------------------------------------------------------------------------------ unkind worlds


def test_a_reader_that_leaves(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    for options in ((), ("--json",)):
        read, written = os.pipe()
        process = place.start("search", "--repo", shop, *options, "discount", stdout=written)
        os.close(written)
        os.close(read)
        ran = place.end(process, code=None)
        assert ran.code in (0, 1) and ran.err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_behind_standard_output(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    for options in ((), ("--json",)):
        with open("/dev/full", "wb") as full:
            ran = place.end(place.start("search", "--repo", shop, *options, "discount", stdout=full), code=1)
        assert ran.err == "groma: No space left on device\n"


def test_closed_streams(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    for verb in (("search", "--repo", str(shop), "discount"), ("search", "--repo", str(shop), "--json", "discount"), ("status",), ("mcp",)):
        for closed in ((1,), (0, 1, 2)):
            process = place.start(*verb, before=lambda closed=closed: [os.close(i) for i in closed])  # type: ignore[misc]
            assert place.end(process).out == ""
    place.groma("verify")


def test_a_locale_without_unicode(place: Place, shop: Path) -> None:
    write(shop / "größe.py", "def größe_messen():\n    return 'ä→漢'\n")
    for locale in ({"LANG": "C"}, {"LANG": "C", "LC_ALL": "C"}, {"LANG": "C", "PYTHONIOENCODING": "ascii"}):
        ran = place.groma("search", "--repo", shop, "größe messen", env=locale)
        assert ran.out.startswith("größe.py:1-2  größe_messen  ")
        assert place.groma("search", "--repo", shop, "--json", "größe messen", env=locale).json["hits"][0]["path"] == "größe.py"


def test_a_locale_that_cannot_name_the_files(place: Place, shop: Path) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = place.groma("search", "--repo", shop, "discount", env=locale, code=3)
    assert ran.err == "groma: names of files are UTF-8 here, and this locale says ascii; set PYTHONUTF8=1 or a UTF-8 locale.\n"


def test_arguments_that_are_no_text(place: Place, shop: Path) -> None:
    place.groma("index", shop)
    assert place.groma("search", "--repo", shop, b"\xff\xfe").err.startswith("groma: nothing found\n")
    place.groma("search", "--repo", shop, "--json", b"caf\xe9 discount")
    (place.folder / os.fsdecode(b"caf\xe9")).mkdir()
    (shop / os.fsdecode(b"na\xefve.py")).write_text("a = 1\n")
    place.groma("index", shop)
    assert place.groma("index", b"caf\xe9", code=2).err.count("\n") == 1
    assert place.groma("why", b"nowhere\xff", cwd=shop, code=2).err == f"groma: There is no nowhere\\xff in {shop}.\n"
    assert place.groma("why", b"na\xefve.py", cwd=shop).out == "na\\xefve.py: not indexed: its name is not valid UTF-8\n"


def test_hidden_from_the_shell_that_called_us_nothing_is_written_but_the_object(place: Place, shop: Path) -> None:
    """`--json` means one object on standard output, whatever else there is to say."""
    write(shop / "leak.py", "key = 'AKIA" + "QYLPMN5HFIQR7XYA'\n")
    for verb in (
        ("index", str(shop)), ("search", "--repo", str(shop), "discount key"), ("search", "--repo", str(shop), "???"), ("status",),
        ("why", str(shop / "leak.py")), ("verify",), ("doctor",), ("config", "show"), ("rebuild", str(shop)), ("forget", str(shop)), ("memories",),
        ("forget", "--source", "agent"),
    ):  # fmt: skip
        ran = place.groma(*verb, "--json", cwd=shop)
        assert ran.out.count("\n") == 1 and re.fullmatch(r"groma\.[a-z]+/1", ran.json["schema"])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_a_command_starts_no_threads_of_numpy(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.argv = ['groma', 'search', 'x', '--no-index']\n"
        "from groma.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print('numpy' in sys.modules, len(os.listdir('/proc/self/task')))"
    )
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"} | {"GROMA_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "True 1\n"
