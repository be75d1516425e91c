"""What every store promises, asked of every store. A new adapter adds one line to `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from groma import core
from groma.ports import Asked, FileRecord
from groma.stores.local import LocalStore, open_local
from groma.stores.memory import MemoryStore
from groma.types import Batch, Filter, Leg

STORES: dict[str, Callable[[Path], LocalStore | MemoryStore]] = {
    "local": lambda folder: open_local(folder, "test"),
    "memory": lambda _folder: MemoryStore(),
}

FILES = {
    "src/parse.py": "import re\n\n\ndef parse_config(text):\n    '''Parse the configuration.'''\n    return re.findall('x', text)\n",
    "src/http/client.py": "class HttpClient:\n    def send(self, request):\n        return parse_config(request)\n",
    "docs/guide.txt": "How the configuration is parsed and sent.\n",
    "src/empty_words.py": "x = 1\n",
}
ANY = Filter()


def batch(files: dict[str, str]) -> Batch:
    return core.scan_texts([(path, text.encode()) for path, text in files.items()])


def columns(files: dict[str, str]) -> tuple[list[str], list[bytes], np.ndarray]:
    return list(files), [core.blob_id(t.encode()) for t in files.values()], np.array([len(t.encode()) for t in files.values()], dtype=np.int64)


def terms(query: str) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array(sorted({core.term_id(t) for t in core.query_tokens(query)}), dtype=np.uint32)
    return ids, np.ones(len(ids), dtype=np.float32)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalStore | MemoryStore]:
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def filled(store: LocalStore | MemoryStore) -> LocalStore | MemoryStore:
    assert store.attach("a", *columns(FILES)) == [0, 1, 2, 3]
    store.apply("a", batch(FILES))
    store.maintain("a")
    return store


def paths(store: LocalStore | MemoryStore, leg: Leg) -> list[str]:
    return [p.path for p in store.fetch(leg.ids.tolist())]


def test_an_empty_store_answers(store: LocalStore | MemoryStore) -> None:
    assert len(store.search(["nobody"], 10, filter=ANY, sparse=terms("parse")).ids) == 0
    assert len(store.search([], 10, filter=ANY, vector=("static", core.embed_query("parse"))).ids) == 0
    assert store.chunk_frequencies(["nobody"], terms("parse")[0])[0] == 0
    assert list(store.scan("nobody")) == []
    assert store.file("nobody", "a.py") is None
    assert store.verify() == []


def test_what_was_applied_is_found_by_both_legs(filled: LocalStore | MemoryStore) -> None:
    sparse = filled.search(["a"], 10, filter=ANY, sparse=terms("parse config"))
    assert paths(filled, sparse)[0] == "src/parse.py"
    assert (np.diff(sparse.scores) <= 0).all()
    dense = filled.search(["a"], 10, filter=ANY, vector=("static", core.embed_query("send an http request")))
    assert paths(filled, dense)[0] == "src/http/client.py"
    assert len(dense.ids) == len(batch(FILES).texts)


def test_k_cuts_after_the_filter(filled: LocalStore | MemoryStore) -> None:
    only = Filter(paths=("docs",))
    assert paths(filled, filled.search(["a"], 1, filter=only, sparse=terms("configuration"))) == ["docs/guide.txt"]
    python = Filter(languages=frozenset({"python"}))
    assert "docs/guide.txt" not in paths(filled, filled.search(["a"], 10, filter=python, sparse=terms("configuration parse")))
    classes = Filter(kinds=frozenset({"class"}))
    assert paths(filled, filled.search(["a"], 10, filter=classes, vector=("static", core.embed_query("anything at all")))) == ["src/http/client.py"]
    none = Filter(paths=("nowhere/**",))
    assert len(filled.search(["a"], 10, filter=none, sparse=terms("configuration")).ids) == 0


def test_frequencies_are_whole_and_per_view(filled: LocalStore | MemoryStore) -> None:
    ids = np.array(sorted(core.term_id(t) for t in ("pars", "config", "nowher")), dtype=np.uint32)
    n, df = filled.chunk_frequencies(["a"], ids)
    assert n == len(batch(FILES).texts)
    assert dict(zip(ids.tolist(), df.tolist(), strict=True))[core.term_id("nowher")] == 0
    assert dict(zip(ids.tolist(), df.tolist(), strict=True))[core.term_id("config")] == 2


def test_names_match_and_are_told_per_view(filled: LocalStore | MemoryStore) -> None:
    """`parse_config` is defined in one of four files; a symbol of two words of which the query has one matches by half of its weight."""
    asked = []

    def weigh(n: int, df: np.ndarray) -> np.ndarray:
        asked.append((n, df.tolist()))
        return np.ones(len(df))

    record = filled.file("a", "src/parse.py")
    assert record is not None
    files = np.array([10**6, record.id], dtype=np.int64)
    words = ("pars", "nowher")
    terms_of = np.array([core.term_id(word) for word in words], dtype=np.uint32)
    found = filled.match_names(["nobody", "a"], files, Asked(words, terms_of, ("parse_config",), ("parseconfig", "parse")), weigh)
    assert asked[0][0] == 4
    assert (found.scope.tolist(), found.indegree.tolist()) == ([-1, 1], [0, 1])
    named = found.named
    assert (named.share.tolist(), named.cover.tolist()) == ([0.0, 0.5], [0.0, 1.0])
    assert (named.defines.tolist(), named.called.tolist()) == ([0.0, 1.0], [0.0, 1.0])
    assert found.card(1).path == "src/parse.py"
    assert "parse_config" in [found.card(1).symbol(i) for i in named.symbols[named.start[1] : named.start[2]].tolist()]
    both = found.card(1).symbols().index("parse_config")
    at = named.symbols[named.start[1] : named.start[2]].tolist().index(both)
    assert named.overlaps[named.start[1] + at] == pytest.approx(1 / 2 * (1 / 2) ** 0.5)


def test_a_second_view_needs_no_second_copy(filled: LocalStore | MemoryStore) -> None:
    assert filled.attach("b", *columns(FILES)) == []
    assert paths(filled, filled.search(["b"], 10, filter=ANY, sparse=terms("parse config")))[0] == "src/parse.py"
    n, _ = filled.chunk_frequencies(["a", "b"], terms("parse")[0])
    assert n == len(batch(FILES).texts)


def test_views_see_only_their_files(filled: LocalStore | MemoryStore) -> None:
    some = {"docs/guide.txt": FILES["docs/guide.txt"]}
    assert filled.attach("b", *columns(some)) == []
    assert paths(filled, filled.search(["b"], 10, filter=ANY, sparse=terms("configuration parse"))) == ["docs/guide.txt"]
    assert [row[0] for row in filled.scan("b")] == ["docs/guide.txt"]


def test_an_old_version_stays_until_the_new_one_is_there(filled: LocalStore | MemoryStore) -> None:
    after = {**FILES, "src/parse.py": "def parse_toml(text):\n    return text\n"}
    assert filled.attach("a", *columns(after)) == [0]
    assert "src/parse.py" in [row[0] for row in filled.scan("a")]
    filled.apply("a", batch({"src/parse.py": after["src/parse.py"]}))
    record = filled.file("a", "src/parse.py")
    assert record is not None
    assert record.card.symbols() == ("parse_toml",)
    assert [row[0] for row in filled.scan("a")].count("src/parse.py") == 1
    # and back again without reading anything
    assert filled.attach("a", *columns(FILES)) == []
    record = filled.file("a", "src/parse.py")
    assert record is not None
    assert record.card.symbols() == ("parse_config",)


def test_a_file_of_another_size_is_not_here(filled: LocalStore | MemoryStore) -> None:
    names, blobs, sizes = columns(FILES)
    sizes[2] += 1
    assert filled.attach("b", names, blobs, sizes) == [2]


def test_the_same_write_twice_is_one(filled: LocalStore | MemoryStore) -> None:
    before = filled.search(["a"], 10, filter=ANY, sparse=terms("parse config"))
    filled.apply("a", batch(FILES))
    after = filled.search(["a"], 10, filter=ANY, sparse=terms("parse config"))
    assert before.ids.tolist() == after.ids.tolist()
    assert before.scores.tolist() == after.scores.tolist()


def test_a_file_that_is_left_out_leaves_the_view(filled: LocalStore | MemoryStore) -> None:
    filled.apply("a", core.scan_texts([("src/parse.py", b"\0\0binary")]))
    assert filled.file("a", "src/parse.py") is None


def test_hit_ids_survive_edits_elsewhere_in_the_file(filled: LocalStore | MemoryStore) -> None:
    (first,) = filled.search(["a"], 1, filter=Filter(paths=("src/http/client.py",)), sparse=terms("send request")).ids.tolist()
    hit = filled.fetch([first])[0].hit_id
    filled.apply(
        "a",
        batch(
            {"src/http/client.py": "import os  # a line that pushes the class down\n" + "\n" * 30 + "#" * 1200 + "\n\n" + FILES["src/http/client.py"]}
        ),
    )
    again = filled.find(["a"], hit)
    assert again is None or "class HttpClient" in again.text


def test_find_looks_through_views(filled: LocalStore | MemoryStore) -> None:
    passage = filled.fetch(filled.search(["a"], 1, filter=ANY, sparse=terms("parse config")).ids.tolist())[0]
    found = filled.find(["nobody", "a"], passage.hit_id)
    assert found == passage
    assert filled.find(["nobody"], passage.hit_id) is None


def test_records_and_references(filled: LocalStore | MemoryStore) -> None:
    record = filled.file("a", "src/parse.py")
    assert isinstance(record, FileRecord)
    assert (record.language, record.kind, record.imports) == ("python", "code", ("re",))
    assert record.indegree == 1  # client.py mentions parse_config, which only parse.py defines
    found = filled.files(["nobody", "a"], np.array([record.id, 10**6], dtype=np.int64))
    assert list(found) == [record.id]
    assert found[record.id][0] == "a"


def test_symbols_of_chunks_point_into_the_record(filled: LocalStore | MemoryStore) -> None:
    leg = filled.search(["a"], 10, filter=ANY, sparse=terms("parse config send"))
    places = filled.places(["a"], leg.ids)
    assert (places.begin < places.end).any()
    for n, (chunk, file) in enumerate(zip(leg.ids.tolist(), leg.files.tolist(), strict=True)):
        record = filled.files(["a"], np.array([file]))[file][1]
        (passage,) = filled.fetch([chunk])
        assert all(symbol in passage.text for symbol in record.card.symbols()[places.begin[n] : places.end[n]])
        assert (places.first[n], places.last[n]) == (passage.first, passage.last)


def test_a_passage_that_is_gone_lies_nowhere(filled: LocalStore | MemoryStore) -> None:
    leg = filled.search(["a"], 1, filter=ANY, sparse=terms("parse config send"))
    places = filled.places(["a"], np.array([10**9 << 20, leg.ids[0]]))
    assert [places.first[0], places.last[0], places.begin[0], places.end[0]] == [0, 0, 0, 0]
    assert places.last[1] >= places.first[1] >= 1


def test_detach_forgets_what_no_other_view_needs(filled: LocalStore | MemoryStore) -> None:
    kept = {"docs/guide.txt": FILES["docs/guide.txt"]}
    filled.attach("b", *columns(kept))
    ids = filled.search(["a"], 10, filter=ANY, sparse=terms("parse config")).ids.tolist()
    filled.detach("a")
    assert [p.path for p in filled.fetch(ids)] == ["docs/guide.txt"]
    assert filled.attach("c", *columns(FILES)) == [0, 1, 3]
    assert filled.verify() == []
    filled.detach("b")
    filled.detach("c")
    assert filled.verify() == []
    filled.apply("d", batch(FILES))
    assert paths(filled, filled.search(["d"], 10, filter=ANY, sparse=terms("parse config")))[0] == "src/parse.py"


def test_both_stores_give_the_same_items(tmp_path: Path) -> None:
    found = []
    for make in STORES.values():
        store = make(tmp_path)
        store.attach("a", *columns(FILES))
        for path, text in FILES.items():  # one batch a file: many parts, merged on the way
            store.apply("a", batch({path: text}))
        store.maintain("a")
        legs = [
            store.search(["a"], 3, filter=ANY, sparse=terms("parse the config of a request")),
            store.search(["a"], 3, filter=ANY, vector=("static", core.embed_query("parse the config"))),
        ]
        found.append(
            [[(p.path, p.first, p.hit_id, float(s)) for p, s in zip(store.fetch(leg.ids.tolist()), leg.scores, strict=True)] for leg in legs]
        )
        store.close()
    assert found[0] == found[1]
