"""What only the local store has to promise: parts made without reading rows again, what is kept between queries, and that it is never old."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groma import core
from groma.errors import StoreDamaged
from groma.stores.local import LocalStore, open_local
from groma.stores.local.file import StoreFile
from groma.stores.local.parts import Segment
from groma.stores.local.rows import SHOWN_COLUMNS, indegree, part_of, part_of_batch, passage_of, rows_by_id
from groma.types import Batch, Filter
from tests.processes import PATIENCE_S

ANY = Filter()


COLUMNS = (
    "ids", "hits", "file_of", "files", "terms", "post_start", "post_chunks", "post_impacts", "names", "name_start", "name_files",
    "card_start", "cards", "places", "text_start", "texts",
)  # fmt: skip


def batch(files: dict[str, str]) -> Batch:
    return core.scan_texts([(path, text.encode()) for path, text in files.items()])


def terms(query: str) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array(sorted({core.term_id(t) for t in core.query_tokens(query)}), dtype=np.uint32)
    return ids, np.ones(len(ids), dtype=np.float32)


def source(name: str, n: int = 3) -> str:
    return "\n\n".join(f"def {name}_{i}(value):\n    '''Handle {name} number {i}.'''\n    return value + {i}" for i in range(n)) + "\n"


def test_a_part_made_from_a_batch_is_the_one_made_from_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def kept(batch: Batch, added: list[tuple[int, int]], after: int, upto: int) -> core.Part | None:
        made.append((after, upto, part := part_of_batch(batch, added, after, upto)))
        return part

    monkeypatch.setattr("groma.stores.local.store.part_of_batch", kept)
    store = open_local(tmp_path, "test")
    first = {f"a/{i}.py": source(f"alpha{i}", i + 1) for i in range(5)}
    store.apply("a", batch({**first, "empty.py": "", "blob.bin": "\0\1"}))
    store.apply("a", batch({"b.py": source("beta"), "binary": "\0", "c.md": "# Title\n\nWords about gamma.\n"}))
    store.apply("a", batch({"b.py": source("beta"), "d.py": source("delta")}))  # b.py is here already
    db = sqlite3.connect(tmp_path / "store-test.db")
    assert [part is None for _, _, part in made] == [False, False, True]
    for after, upto, part in made[:2]:
        assert part is not None
        rows = part_of(db, after, upto)
        for name in COLUMNS:
            assert np.array_equal(getattr(part, name), getattr(rows, name)), name
        assert [part.kinds[i] for i in part.kind_of] == [rows.kinds[i] for i in rows.kind_of]
        assert np.array_equal(part.vectors["static"].rows, rows.vectors["static"].rows)
        assert np.array_equal(part.vectors["static"].scales, rows.vectors["static"].scales)
    db.close()
    assert store.verify() == []
    store.close()


def test_rows_of_another_process_in_between_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = open_local(tmp_path, "test"), open_local(tmp_path, "test")
    with monkeypatch.context() as patch:  # killed before it wrote the part
        patch.setattr(Segment, "project", lambda *_: None)
        theirs.apply("b", batch({"theirs.py": source("theirs")}))
    ours.apply("a", batch({"ours.py": source("ours")}))
    for store in (ours, theirs):
        assert len(store.search(["a", "b"], 10, filter=ANY, sparse=terms("theirs")).ids) > 0
        assert len(store.search(["a", "b"], 10, filter=ANY, sparse=terms("ours")).ids) > 0
        assert store.verify() == []
        store.close()


def test_what_another_process_writes_for_its_own_scope_costs_those_who_ask_about_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = open_local(tmp_path, "test"), open_local(tmp_path, "test")
    ours.apply("a", batch({f"{n}.py": source("ours", 20) for n in range(20)}))
    ours.maintain("a")

    def found(scope: str, word: str) -> int:
        return len(ours.search([scope], 10, filter=ANY, sparse=terms(word)).ids)

    assert found("a", "ours")
    read: list[tuple[int, int]] = []
    seen: set[int] = set()
    narrowed = LocalStore._narrowed

    def reading(db: sqlite3.Connection, after: int, upto: int) -> core.Part | None:
        read.append((after, upto))
        return part_of(db, after, upto)

    def seeing(self: LocalStore, sight: Any, filter: Filter) -> list[np.ndarray]:
        seen.add(id(sight))
        return narrowed(self, sight, filter)

    monkeypatch.setattr("groma.stores.local.parts.part_of", reading)
    monkeypatch.setattr(LocalStore, "_narrowed", seeing)
    for n in range(3):
        with monkeypatch.context() as patch:  # they have not come to their part yet
            patch.setattr(Segment, "project", lambda *_: None)
            theirs.apply("b", batch({f"theirs{n}.py": source("theirs")}))
        assert found("a", "ours") and not read
    theirs._segment.project()
    assert found("a", "ours") and len(read) == 1  # they read their rows to write the part
    assert len(seen) == 1
    theirs.apply("b", batch({"more.py": source("theirs")}))
    assert found("a", "ours") and found("b", "theirs")
    ours.apply("a", batch({"last.py": source("ours")}))
    assert found("a", "ours") and len(seen) > 1
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "project", lambda *_: None)
        theirs.apply("b", batch({"last of theirs.py": source("unheard")}))
    assert found("b", "unheard") and len(read) == 2
    for store in (ours, theirs):
        assert store.verify() == []
        store.close()


def test_what_is_kept_is_forgotten_when_another_process_writes(tmp_path: Path) -> None:
    reader, writer = open_local(tmp_path, "test"), open_local(tmp_path, "test")
    for n in range(5):
        name = f"word{'abcde'[n]}"
        before = reader.search(["a"], 10, filter=ANY, sparse=terms(name))
        narrowed = reader.search(["a"], 10, filter=Filter(paths=("x",)), sparse=terms(name))
        assert (len(before.ids), len(narrowed.ids), reader.count_files("a")) == (0, 0, n)
        writer.apply("a", batch({f"x/{n}.py": source(name)}))
        after = reader.search(["a"], 10, filter=ANY, sparse=terms(name))
        narrowed = reader.search(["a"], 10, filter=Filter(paths=("x",)), sparse=terms(name))
        assert (len(after.ids) > 0, len(narrowed.ids) > 0, reader.count_files("a")) == (True, True, n + 1)
        assert {scope for scope, _ in reader.files(["a"], after.files).values()} == {"a"}
    uses = {f"y/{n}.py": f"from x import word{'abcde'[n]}_0\n\nword{'abcde'[n]}_0(1)\n" for n in range(5)}
    files = reader.search(["a"], 10, filter=ANY, sparse=terms("worda")).files
    assert [record.indegree for _, record in reader.files(["a"], files[:1]).values()] == [0]
    writer.apply("a", batch(uses))
    writer.maintain("a")
    assert [record.indegree for _, record in reader.files(["a"], files[:1]).values()] == [1]  # the record is kept, the count is the view's
    writer.detach("a")
    assert reader.files(["a"], files) == {}
    assert reader.fetch(before.ids.tolist()) == []
    for store in (reader, writer):
        store.close()


def attached(found: Batch) -> tuple[list[str], list[bytes], np.ndarray]:
    return list(found.files.paths), [blob or b"" for blob in found.files.blobs], found.files.sizes


def test_a_second_view_of_the_same_files_takes_over_who_mentions_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_local(tmp_path, "test")
    found = batch({"a.py": source("alpha"), "b.py": "from a import alpha_0\n\n\ndef use():\n    return alpha_0(1)\n"})
    store.apply("a", found)
    store.maintain("a")
    counted = []
    monkeypatch.setattr("groma.stores.local.store.indegree", lambda db, files: counted.append(len(files)) or indegree(db, files))
    assert store.attach("b", *attached(found)) == []
    store.maintain("b")
    for scope in ("a", "b"):
        record = store.file(scope, "a.py")
        assert record is not None and record.indegree == 1
    assert counted == []
    store.apply("b", batch({"c.py": "def other():\n    return alpha_0(2)\n"}))
    store.maintain("b")
    record = store.file("b", "a.py")
    assert record is not None and record.indegree == 2 and counted == [3]
    store.close()


def test_what_is_steady_is_seen_as_of_one_moment(tmp_path: Path) -> None:
    reader, writer = open_local(tmp_path, "test"), open_local(tmp_path, "test")
    writer.apply("a", batch({"a.py": source("alpha")}))
    with reader.steady():
        before = reader.search(["a"], 10, filter=ANY, sparse=terms("handle"))
        writer.apply("a", batch({"b.py": source("beta")}))
        writer.apply("a", batch({"a.py": source("gamma")}))
        assert reader.count_files("a") == 1
        assert reader.search(["a"], 10, filter=ANY, sparse=terms("handle")).ids.tolist() == before.ids.tolist()
        assert reader.places(["a"], before.ids).first.all()
    assert reader.count_files("a") == 2
    names = " ".join(passage.text for passage in reader.fetch(reader.search(["a"], 10, filter=ANY, sparse=terms("handle")).ids.tolist()))
    assert "gamma" in names and "beta" in names and "alpha" not in names
    reader.close()
    writer.close()


def test_a_transaction_that_changes_nothing_leaves_no_trace(tmp_path: Path) -> None:
    writer, reader = open_local(tmp_path, "test"), sqlite3.connect(tmp_path / "store-test.db")
    found = batch({"a.py": source("alpha")})
    writer.apply("a", found)
    writer.maintain("a")
    assert writer.attach("a", *attached(found)) == []  # notes what the view is attached to
    seen = reader.execute("PRAGMA data_version").fetchone()
    assert writer.attach("a", *attached(found)) == []
    writer.apply("a", found)
    assert writer.settled("a")
    assert reader.execute("PRAGMA data_version").fetchone() == seen
    reader.close()
    writer.close()


def test_a_file_that_is_replaced_for_one_view_is_missed_by_the_other(tmp_path: Path) -> None:
    """A filter of the checkout can make two texts of one blob; the second to come takes the place of the first."""
    store = open_local(tmp_path, "test")
    found = batch({"a.py": source("alpha"), "b.py": source("beta")})
    store.apply("a", found)
    assert store.attach("a", *attached(found)) == []
    assert store.attach("a", *attached(found)) == []
    other = replace(found, files=replace(found.files, sizes=found.files.sizes + 1))
    store.apply("b", other)
    assert store.attach("a", *attached(found)) == [0, 1]
    store.apply("a", found)
    assert store.attach("a", *attached(found)) == []
    assert store.count_files("a") == 2
    assert store.attach("b", *attached(other)) == [0, 1]
    assert store.attach("a", *attached(batch({"a.py": source("alpha")}))) == []
    assert store.count_files("a") == 1
    store.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE files SET imports = '[\"alphb\"]'", "facts"),
        ("UPDATE files SET path = path || 'x'", "facts"),
        ("UPDATE files SET card = zeroblob(length(card))", "facts"),
        ("UPDATE files SET card = 'text'", "facts"),
        ("UPDATE files SET places = zeroblob(length(places))", "facts"),
    ],
)
def test_a_changed_value_is_noticed_where_it_is_read(tmp_path: Path, change: str, message: str) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({"a.py": source("alpha")}))
    store.close()
    db = sqlite3.connect(tmp_path / "store-test.db")
    db.execute(change)
    db.commit()
    db.close()
    store = open_local(tmp_path, "test")
    assert store.verify() != []
    leg = store.search(["a"], 10, filter=ANY, sparse=terms("alpha"))

    def read() -> None:
        store.files(["a"], leg.files)
        store.fetch(leg.ids.tolist())

    with pytest.raises(StoreDamaged, match=message):
        read()
    store.close()


def segment(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "segment-test").iterdir()))


def hurt(folder: Path, word: bytes) -> None:
    """Change a word in the texts of every part."""
    for path in (folder / "segment-test").glob("*.part"):
        data = path.read_bytes()
        assert word in data
        path.write_bytes(data.replace(word, word.swapcase()))


def test_a_damaged_text_of_a_part_is_read_from_its_row(tmp_path: Path) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({"a.py": source("alpha"), "b.py": source("beta")}))
    ids = store.search(["a"], 10, filter=ANY, sparse=terms("handle")).ids.tolist()
    before = store.fetch(ids)
    assert {passage.path for passage in before} == {"a.py", "b.py"}
    with sqlite3.connect(tmp_path / "store-test.db") as db:
        assert before == [passage_of(row, passage) for passage in before for row in rows_by_id(db, "chunks", SHOWN_COLUMNS, [passage.id])]
    store.close()
    hurt(tmp_path, b"Handle alpha")
    store = open_local(tmp_path, "test")
    assert store.search(["a"], 10, filter=ANY, sparse=terms("handle")).ids.tolist() == ids
    assert store.fetch(ids) == before
    (problem,) = store.verify()
    assert problem.endswith("the texts of 1 chunks are damaged") and ".part" in problem
    store.close()


@pytest.mark.skipif(core.NAME == "pure", reason="the plain core maps texts; one that reads beyond the end of a file that was cut short is ended")
def test_a_part_that_is_cut_short_under_its_reader_is_read_from_its_rows(tmp_path: Path) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({f"{n}.py": source(f"alpha{n}", 9) for n in range(20)}))
    ids = store.search(["a"], 200, filter=ANY, sparse=terms("handle")).ids.tolist()
    before = store.fetch(ids)
    (path,) = (tmp_path / "segment-test").glob("*.part")
    os.truncate(path, path.stat().st_size - len(core.open_part(path).texts) * 9 // 10)
    assert len(ids) == 20 and store.fetch(ids) == before
    store.close()


@pytest.mark.parametrize("change", ["text = text || ' '", "text = CAST(text AS BLOB)", "first = first + 1", "symbol = 'klass'"])
def test_a_changed_row_is_noticed_where_it_is_read_and_not_shown_from_a_part_made_of_it(tmp_path: Path, change: str) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({"a.py": source("alpha")}))
    ids = store.search(["a"], 10, filter=ANY, sparse=terms("alpha")).ids.tolist()
    before = store.fetch(ids)
    store.close()
    with sqlite3.connect(tmp_path / "store-test.db") as db:
        db.execute(f"UPDATE chunks SET {change}")
    db.close()
    store = open_local(tmp_path, "test")
    store.search(["a"], 10, filter=ANY, sparse=terms("alpha"))
    assert store.fetch(ids) == before  # what the part has of them is as it was
    assert any("chunk" in problem for problem in store.verify())
    store.close()
    shutil.rmtree(tmp_path / "segment-test")
    store = open_local(tmp_path, "test")
    assert store.search(["a"], 10, filter=ANY, sparse=terms("alpha")).ids.tolist() == ids
    with pytest.raises(StoreDamaged, match="a chunk of"):
        store.fetch(ids)
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc; whether parts are let go is NOT tested")
def test_parts_that_were_merged_away_are_let_go(tmp_path: Path) -> None:
    writer, reader = open_local(tmp_path, "test"), open_local(tmp_path, "test")
    for n in range(40):
        writer.apply("a", batch({f"{n}.py": source(f"alpha{n}")}))
        assert len(reader.search(["a"], 100, filter=ANY, sparse=terms("handle")).ids) > n
    held = {path.name for fd in Path("/proc/self/fd").iterdir() if (path := Path(os.path.realpath(fd))).parent.name == "segment-test"}
    mapped = set(re.findall(r"segment-test/(\w+\.part)", Path("/proc/self/maps").read_text()))
    with sqlite3.connect(tmp_path / "store-test.db") as db:
        named = {name for (name,) in db.execute("SELECT name FROM parts")}
    assert len(named) < 8 and mapped <= named and held <= named
    for store in (reader, writer):
        store.close()


def _edited(store: LocalStore, times: int, first: int = 0) -> None:
    for n in range(first, first + times):
        store.apply("a", batch({"edited.py": source(f"edit{n}", 1)}))
        store.maintain("a")


def test_old_versions_are_swept_by_the_half_and_the_parts_are_merged_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groma.stores.local.store.SPARE", 20)
    compacted: list[int] = []
    monkeypatch.setattr(Segment, "compact", lambda self, do=Segment.compact: (compacted.append(1), do(self))[1])
    monkeypatch.setattr(Segment, "rewrite", lambda self: pytest.fail("the segment is made anew from all rows"))
    store = open_local(tmp_path, "test")
    store.apply("a", batch({f"a/{i}.py": source(f"alpha{i}") for i in range(10)}))
    _edited(store, 26)
    assert not compacted
    _edited(store, 60, 26)
    assert len(compacted) == 5  # of at least 25 old versions 12 stay
    assert store.verify() == []
    db = sqlite3.connect(tmp_path / "store-test.db")
    (top,) = db.execute("SELECT max(id) FROM chunks").fetchone()
    assert db.execute("SELECT count(*) FROM files").fetchone()[0] < 11 + 26
    store.search(["a"], 10, filter=ANY, sparse=terms("edit85"))
    parts = store._segment.parts
    ids = [i for part in parts for i in part.ids.tolist()]
    assert ids[-1] == top and len(parts) > 1
    store._segment.compact()
    store.search(["a"], 10, filter=ANY, sparse=terms("edit85"))
    (part,), rows = store._segment.parts, part_of(db, 0, top)
    for name in COLUMNS:
        assert np.array_equal(getattr(part, name), getattr(rows, name)), name
    db.close()
    store.close()


def test_a_part_that_is_damaged_when_parts_are_merged_is_made_anew_from_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groma.stores.local.store.SPARE", 4)
    store = open_local(tmp_path, "test")
    store.apply("a", batch({f"a/{i}.py": source(f"alpha{i}") for i in range(10)}))
    _edited(store, 8)
    store.close()
    for path in (tmp_path / "segment-test").glob("*.part"):
        path.write_bytes(path.read_bytes()[:100])
    store = open_local(tmp_path, "test")
    store._segment.compact()
    assert len(store.search(["a"], 10, filter=ANY, sparse=terms("alpha3")).ids)
    assert store.verify() == [] and "was set aside" in " ".join(store._segment.notes)
    store.close()


def test_who_searches_does_not_wait_while_the_file_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({f"a{n}.py": source(f"alpha{n}") for n in range(30)}))
    store.apply("b", batch({"b.py": source("beta")}))
    found: list[int] = []

    def slow(statement: str) -> None:
        if statement == "VACUUM":
            asking = threading.Thread(target=lambda: found.append(len(store.search(["b"], 10, filter=ANY, sparse=terms("beta")).ids)))
            asking.start()
            asking.join(PATIENCE_S)

    def traced(self: StoreFile, uri: str) -> sqlite3.Connection:
        db = connect(self, uri)
        db.set_trace_callback(slow)
        return db

    connect = StoreFile._connect
    with monkeypatch.context() as patch:
        patch.setattr(StoreFile, "_connect", traced)
        store.detach("a")
    assert found == [1] and store.verify() == []
    assert store._file.db.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert not (tmp_path / "store-test.db-wal").stat().st_size
    store.close()


def test_nothing_of_a_forgotten_text_stays_in_the_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scene() -> LocalStore:
        store = open_local(tmp_path, "test")
        store.apply("a", batch({"a.py": source("alpha")}))
        store.apply("b", batch({f"{n}.py": source(f"beta{n}") for n in range(4)}))
        assert b"Handle alpha" in segment(tmp_path) and b"Handle beta" in segment(tmp_path)
        return store

    store = scene()
    store.detach("a")
    assert b"alpha" not in segment(tmp_path) and b"Handle beta" in segment(tmp_path)
    store = scene()
    with monkeypatch.context() as patch:  # killed after the rows were gone
        patch.setattr(Segment, "forget", lambda _: None)
        store.detach("a")
    assert b"Handle alpha" in segment(tmp_path)
    store.detach("a")
    assert b"alpha" not in segment(tmp_path) and store.verify() == []
    store = scene()
    with monkeypatch.context() as patch:  # killed before the old parts were gone
        patch.setattr(Segment, "tidy", lambda _: None)
        store.detach("a")
    assert b"Handle alpha" in segment(tmp_path)
    store.detach("a")
    assert b"alpha" not in segment(tmp_path) and store.verify() == []
    scene().close()
    for path in (tmp_path / "segment-test").glob("*.part"):  # a damaged part is set aside
        data = path.read_bytes()
        path.write_bytes(data[:2000] + b"\0" * 8 + data[2008:])
    store = open_local(tmp_path, "test")
    store.search(["a"], 10, filter=ANY, sparse=terms("alpha"))
    assert list((tmp_path / "segment-test").glob("*.damaged-*")) and b"Handle alpha" in segment(tmp_path)
    store.detach("a")
    assert b"alpha" not in segment(tmp_path) and store.verify() == []
    store.close()


@pytest.mark.parametrize(
    "change", ["hit = hit + 1", "terms = CAST(terms || x'00000000' AS BLOB)", "scale = scale / 2", "vector = zeroblob(256)", "scale = 'x'"]
)
def test_a_changed_value_never_becomes_a_part(tmp_path: Path, change: str) -> None:
    store = open_local(tmp_path, "test")
    store.apply("a", batch({"a.py": source("alpha")}))
    store.close()
    db = sqlite3.connect(tmp_path / "store-test.db")
    db.execute(f"UPDATE chunks SET {change}")
    db.commit()
    with pytest.raises(StoreDamaged, match="chunk"):
        part_of(db, 0, 1 << 62)
    db.close()
