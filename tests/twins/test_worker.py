"""The child process that scans: killed, crashed, starved, hung, orphaned, interrupted. It costs the file at fault, and nothing else."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groma.errors import GromaError
from tests.processes import gone
from tests.twins.compare import first_difference, records

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these look at processes the Linux way")

MOST = 10_000_000
PATIENCE_S = 60
LONG = "".join(f"def function_{i}(a, b):\n    return [a, b, {i}, 'text']\n\n\n" for i in range(15_000))
"""Long enough in hand to be met there."""


@pytest.fixture
def compiled(both):
    """The compiled scan; its idle child is ended before and after."""
    _, module = both("scan")
    from groma._compiled import worker

    worker._end_idle()
    yield module
    worker._end_idle()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(600):
        (tmp_path / f"f{i:03}.py").write_text(f"def function_{i}():\n    return {i}\n")
    return tmp_path


NAMES = [f"f{i:03}.py" for i in range(600)]


def children(of: int | None = None) -> list[int]:
    """The child processes that scan, of this process or another."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == (of or os.getpid()) and any(part.endswith(b"_compiled/child.py") for part in command):
            found.append(int(pid))
    return found


def in_parsers(pid: int) -> list[int]:
    """The places in the job of the files that are in the child's parsers, from the memory that it shares with its parent."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if os.readlink(descriptor).startswith("/memfd:groma"):
            data = descriptor.read_bytes()
            words = struct.unpack(f"={len(data) // 8}Q", data)[1:]
            return [word & 0xFFFFFFFF for word in words if word >> 62 == 3]
    return []


class Killer(threading.Thread):
    """Sends `number` to every child of this process that has the file at `place` in a parser, `times` times."""

    def __init__(self, place: Callable[[int], bool], number: int, times: int) -> None:
        super().__init__(daemon=True)
        self.place, self.number, self.times = place, number, times
        self.killed: list[int] = []
        self.done = False

    def run(self) -> None:
        while not self.done and len(self.killed) < self.times:
            for pid in children():
                try:
                    if pid not in self.killed and any(map(self.place, in_parsers(pid))):
                        os.kill(pid, self.number)
                        self.killed.append(pid)
                except OSError:
                    continue  # it has ended meanwhile

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done = True
        self.join()


def notes(batches: Iterator) -> dict[str, str]:
    return {path: note for b in batches for path, note in zip(b.files.paths, b.files.notes, strict=True) if note}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_is_killed_once_costs_nothing(number: int, compiled, folder: Path) -> None:
    (folder / "f300.py").write_text(LONG)
    undisturbed = list(compiled.scan(str(folder), NAMES, max_file_bytes=MOST))
    with Killer(lambda place: place == 300, number, 1) as killer:
        disturbed = list(compiled.scan(str(folder), NAMES, max_file_bytes=MOST))
    assert len(killer.killed) == 1
    assert first_difference(undisturbed, disturbed) is None
    assert [len(b.files.paths) for b in disturbed] == [len(b.files.paths) for b in undisturbed]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_file_at_which_the_child_dies_again_is_cut_into_windows(number: int, compiled, folder: Path) -> None:
    (folder / "f000.py").write_text(LONG)
    undisturbed = list(compiled.scan(str(folder), NAMES, max_file_bytes=MOST))
    with Killer(lambda place: place == 0, number, 2) as killer:
        disturbed = list(compiled.scan(str(folder), NAMES, max_file_bytes=MOST))
    assert len(killer.killed) == 2 or (killer.killed and number != signal.SIGKILL)  # a crash with no other file in hand is clear at once
    assert notes(disturbed) == {"f000.py": "parser-crashed"}
    (own,) = (record for path, record in records(disturbed) if path == "f000.py")
    assert "\n".join(own["texts"]).count("def function_") == 15_000
    for (path, before), (_, after) in zip(records(undisturbed), records(disturbed), strict=True):
        assert path == "f000.py" or (before["hit_ids"].tolist(), before["symbols.names"]) == (after["hit_ids"].tolist(), after["symbols.names"])


def test_who_is_killed_with_no_file_in_hand_is_replaced(compiled) -> None:
    one = [("a.py", b"def f():\n    return 1\n")]
    first = compiled.scan_texts(one)
    for _ in range(3):
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        assert first_difference([first], [compiled.scan_texts(one)]) is None


def test_what_makes_a_grammar_crash_or_run_away_gets_the_note_of_the_twin(both, compiled) -> None:
    pure, _ = both("scan")
    width = range(0, 10**6, 4000)

    def wrapped(text: str) -> bytes:
        return "\n".join(text[i : i + 4000] for i in width if text[i : i + 4000]).encode() + b"\n"

    texts = [
        ("slow.py", wrapped("/*" * 10_000)),
        ("good.py", b"def the_needle():\n    return 1\n"),
        ("Deep.java", wrapped("A<" * 50_000)),
        ("open.js", wrapped("(" * 100_000)),
        ("other.go", b"package other\n\nfunc Needle() int { return 1 }\n"),
    ]
    ours, theirs = pure.scan_texts(texts), compiled.scan_texts(texts)
    assert first_difference([ours], [theirs]) is None
    assert [bool(note) for note in theirs.files.notes] == [True, False, True, True, False]


def test_a_parser_that_runs_on_is_ended_in_time_and_the_others_go_on(compiled) -> None:
    begun = time.process_time()
    batch = compiled.scan_texts([("slow.py", b"\\\n" * 130_000), *((f"f{i}.py", b"def f():\n    return 1\n") for i in range(50))])
    assert batch.files.notes == ["parse-budget"] + [None] * 50
    assert batch.symbols.names == ["f"] * 50
    assert time.process_time() - begun < 1  # waiting costs nothing here


def test_a_file_that_kills_its_child_without_a_parser_is_left_out(compiled) -> None:
    from groma._compiled import worker

    flags = bytearray(3)
    assert worker._blame([(1, False, False)], flags, 0)
    assert worker._blame([(1, False, False)], flags, 0)
    assert list(flags) == [0, worker.LEFT_OUT, 0]
    child = worker._start()
    assert child.send(None, 0, ["a.py", "b.py", "c.py"], [b"a = 1\n"] * 3, list(flags))
    columns = child.receive()
    assert columns["reasons"] == [None, "unreadable", None]
    child.end()


def test_blame_falls_on_whom_it_should() -> None:
    from groma._compiled import worker

    flags = bytearray(6)
    assert not worker._blame([], flags, 0)
    worker._blame([(0, True, False), (1, True, False)], flags, 2)
    assert list(flags) == [0, 0, worker.ALONE, worker.ALONE, 0, 0]
    worker._blame([(2, True, False)], flags, 0)
    assert list(flags) == [0, 0, worker.CRASHED, worker.ALONE, 0, 0]
    worker._blame([(4, True, True), (3, True, False)], flags, 0)  # who ran over its time is known, the other one is not suspected for it
    assert list(flags) == [0, 0, worker.CRASHED, worker.ALONE, worker.OVERTIME, 0]
    worker._blame([(4, False, False)], flags, 0)
    worker._blame([(4, False, False)], flags, 0)
    assert flags[4] == worker.LEFT_OUT
    worker._blame([(0, True, False)], flags, 0, crashed=True)
    worker._blame([(1, False, False)], flags, 0, crashed=True)  # that was no parser
    assert list(flags[:2]) == [worker.CRASHED, worker.ALONE]


def test_who_stops_halfway_leaves_no_child(compiled, folder: Path) -> None:
    run = compiled.scan(str(folder), NAMES, max_file_bytes=MOST)
    next(run)
    (pid,) = children()
    run.close()
    assert gone(pid, within=5.0)
    assert not children()


def test_two_scans_at_once_do_not_meet(compiled, folder: Path) -> None:
    alone = list(compiled.scan(str(folder), NAMES, max_file_bytes=MOST))
    runs = [compiled.scan(str(folder), NAMES, max_file_bytes=MOST) for _ in range(3)]
    together: list[list] = [[], [], []]
    for batches in zip(*runs, strict=True):
        for kept, batch in zip(together, batches, strict=True):
            kept.append(batch)
    assert all(first_difference(alone, kept) is None for kept in together)
    assert len(children()) == 1  # that one waits for the next caller


def test_a_fork_does_not_talk_with_its_parents_child(compiled) -> None:
    one = [("a.py", b"def f():\n    return 1\n")]
    expected = compiled.scan_texts(one).symbols.names
    (before,) = children()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if compiled.scan_texts(one).symbols.names == expected and before not in children() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert compiled.scan_texts(one).symbols.names == expected
    assert children() == [before]


def test_a_child_that_cannot_start_is_one_sentence(compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    one = [("a.py", b"def f():\n    return 1\n")]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(GromaError, match="cannot be started"):
        compiled.scan_texts(one)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GromaError, match="ended at once with 1"):
        compiled.scan_texts(one)


def test_a_module_in_the_working_directory_does_not_stand_in_for_a_grammar(compiled, tmp_path: Path) -> None:
    (tmp_path / "tree_sitter_python.py").write_text("open('ran', 'w')\n")
    (tmp_path / "child.py").write_text("open('ran', 'w')\n")
    code = "from groma._compiled.scan import scan_texts; print(scan_texts([('a.py', b'def f():\\n    return 1\\n')]).symbols.names)"
    place = str(Path(compiled.__file__).parents[2])
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": place}, capture_output=True, check=True, text=True)
    assert ran.stdout.strip() == "['f']"
    assert not (tmp_path / "ran").exists()


HANGING = """
import sys
from groma._compiled.scan import scan_texts
text = ("/*" * 10_000).encode()
try:
    scan_texts([("slow.py", b"\\n".join(text[i : i + 4000] for i in range(0, len(text), 4000)))])
except KeyboardInterrupt:
    sys.exit(42)
"""


def hanging(compiled) -> tuple[subprocess.Popen[bytes], int]:
    """A process that waits for a long parse, and the child that does it."""
    place = str(Path(compiled.__file__).parents[2])
    process = subprocess.Popen([sys.executable, "-c", HANGING], env={"PYTHONPATH": place})
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for pid in children(process.pid):
            if in_parsers(pid):
                return process, pid
        assert process.poll() is None
        time.sleep(0.005)
    raise AssertionError("it never began")


def test_an_interrupt_is_heeded_at_once(compiled) -> None:
    process, child = hanging(compiled)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 42
    assert time.monotonic() - begun < 2
    assert gone(child, within=5.0)


def test_the_child_ignores_an_interrupt_and_ends_with_its_parent(compiled) -> None:
    process, child = hanging(compiled)
    os.kill(child, signal.SIGINT)
    assert not gone(child, within=0.2)
    process.kill()
    process.wait()
    assert gone(child, within=5.0)
