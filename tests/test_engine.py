"""The engine's verbs in this process: who may do what, which folders answer, and what they say of themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from groma.catalogue import memory_events, memory_writes, scopes
from groma.catalogue.database import Database
from groma.config import load
from groma.engine import Engine, check
from groma.errors import NotIndexed, Refused, RefusedRoot, UsageError
from groma.records import Memory
from groma.types import LOCAL, Caller, Filter, Progress, Request
from tests.processes import repository, write

SHOP: dict[str, str | bytes] = {
    "orders/place.py": '''"""Placing orders."""

from orders.stock import reserve


def place_order(customer, items):
    """Reserve the items and remember who ordered them."""
    reserve(items)
    return {"customer": customer, "items": items}
''',
    "orders/stock.py": "def reserve(items):\n    '''Take items out of the stock.'''\n    return len(items)\n",
    "mail/send.py": "def send_confirmation(order):\n    '''Tell the customer that the order was placed.'''\n    return order\n",
    "README.md": "# Shop\n\n## Orders\n\nAn order is placed by a customer.\n",
    ".gitignore": "secret/\n",
    "secret/plan.py": "plan = 1\n",
}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    home = tmp_path / "home" / "user"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with Engine(load({}, data_dir=tmp_path / "data", config_file=tmp_path / "config.toml")) as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return str(repository(tmp_path / "shop", SHOP))


@pytest.fixture
def bank(tmp_path: Path) -> str:
    return str(repository(tmp_path / "bank", {"ledger.py": "def place_in_ledger(order):\n    return order\n", "README.md": "# Bank\n"}))


def scope_id(engine: Engine, root: str) -> str:
    with Database.connect(engine.folder / "catalogue.db") as db:
        found = scopes.find(db, root)
    assert found is not None
    return found.id


# ------------------------------------------------------------------------------------------------------------ who may do what


def test_a_caller_sees_its_own_scopes_only(engine: Engine, shop: str, bank: str) -> None:
    engine.index(LOCAL, shop)
    engine.index(LOCAL, bank)
    guest = Caller("guest", scopes=frozenset({scope_id(engine, bank)}))
    assert engine.search(guest, [bank], Request("ledger")).hits
    assert engine.roots(guest) == [bank]
    assert [s.root for s in engine.status(guest)] == [bank]
    assert engine.verify(guest) == (1, [])
    (hit,) = engine.search(LOCAL, [shop], Request("send_confirmation", k=1)).hits
    for forbidden in (
        lambda: engine.search(guest, [shop], Request("order")),
        lambda: engine.search(guest, [bank, shop], Request("order")),
        lambda: engine.status(guest, shop),
        lambda: engine.why(guest, shop, "README.md"),
        lambda: engine.read(guest, [shop], path="README.md"),
        lambda: engine.verify(guest, shop),
    ):
        with pytest.raises(NotIndexed, match="has not been indexed"):
            forbidden()
    with pytest.raises(NotIndexed, match="No passage has the id"):
        engine.read(guest, [bank], hit_id=hit.id)


def test_only_an_owner_changes_anything(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    reader = Caller("reader")
    for verb, forbidden in (
        ("index", lambda: engine.index(reader, shop)),
        ("forget", lambda: engine.forget(reader, shop)),
        ("rebuild", lambda: engine.rebuild(reader, shop)),
        ("rebuild", lambda: engine.rebuild(reader, None)),
    ):
        with pytest.raises(Refused, match=f"reader may not {verb} here"):
            forbidden()
    assert engine.search(reader, [shop], Request("order")).hits


def test_an_owner_of_some_scopes_leaves_the_others_alone(engine: Engine, shop: str, bank: str) -> None:
    engine.index(LOCAL, shop)
    engine.index(LOCAL, bank)
    owner = Caller("half", frozenset({"owner"}), frozenset({scope_id(engine, bank)}))
    for root in (shop, str(Path(shop, "orders"))):
        with pytest.raises(NotIndexed):
            engine.index(owner, root)
        with pytest.raises(NotIndexed):
            engine.forget(owner, root)
        with pytest.raises(NotIndexed):
            engine.rebuild(owner, root)
    assert [root for root, _ in engine.rebuild(owner, None)] == [bank]
    assert engine.search(LOCAL, [shop], Request("place order")).hits[0].path == "orders/place.py"
    assert engine.verify(LOCAL) == (2, [])


def test_wide_roots_need_consent_once(engine: Engine, tmp_path: Path) -> None:
    home = tmp_path / "home" / "user"
    write(home / "note.md", "# A note\n\nto myself\n")
    for root in ("/", str(home), str(home.parent)):
        with pytest.raises(RefusedRoot, match="groma index --yes"):
            engine.index(LOCAL, root)
    assert engine.roots(LOCAL) == []
    engine.index(LOCAL, str(home), consent=True)
    assert engine.index(LOCAL, str(home)).indexed == 1


# ---------------------------------------------------------------------------------------------------------------- searching


def test_several_scopes_in_one_answer(engine: Engine, shop: str, bank: str) -> None:
    engine.index(LOCAL, shop)
    engine.index(LOCAL, bank)
    answer = engine.search(LOCAL, [shop, bank], Request("place order"))
    assert [c.root for c in answer.scopes] == [shop, bank]
    assert {(h.scope, h.path) for h in answer.hits} >= {(shop, "orders/place.py"), (bank, "ledger.py"), (shop, "README.md")}
    assert {h.scope for h in engine.search(LOCAL, [bank], Request("place order")).hits} == {bank}
    (hit,) = engine.search(LOCAL, [bank], Request("place in ledger", k=1)).hits
    assert engine.read(LOCAL, [shop, bank], hit_id=hit.id).root == bank


def test_explanations_add_up_to_scores(engine: Engine, shop: str) -> None:
    write(Path(shop, "long.py"), "\n\n\n".join(f"def order_{i}(order):\n" + "    order = order + 1  # once more\n" * 40 for i in range(4)))
    engine.index(LOCAL, shop)
    hits = engine.search(LOCAL, [shop], Request("order of the customer", explain=True, k=20)).hits
    assert sum(h.path == "long.py" for h in hits) > 1
    assert any(line.factor == "passage" for h in hits for line in h.explain)
    for hit in hits:
        assert sum(line.value * line.weight for line in hit.explain) == pytest.approx(hit.score, abs=2e-6)
    assert all(h.explain == () for h in engine.search(LOCAL, [shop], Request("order")).hits)


def test_the_file_one_is_in_raises_its_neighbours(engine: Engine, tmp_path: Path) -> None:
    body = "def handle_event(event):\n    return event\n"
    files: dict[str, str | bytes] = {f"{part}/handler.py": body for part in ("alpha", "beta", "gamma")}
    files["gamma/routes.py"] = "import gamma.handler\n\n\ndef route(event):\n    return gamma.handler.handle_event(event)\n"
    root = str(repository(tmp_path / "parts", files))
    engine.index(LOCAL, root)

    def ranks(near: str | None) -> dict[str, int]:
        hits = engine.search(LOCAL, [root], Request("handle event", near=near, dense=False)).hits
        return {h.path: i for i, h in enumerate(hits)}

    assert ranks(None)["alpha/handler.py"] < ranks(None)["gamma/handler.py"]
    assert ranks("gamma/routes.py")["gamma/handler.py"] == 0
    answer = engine.search(LOCAL, [root], Request("handle event", near="gamma/routes.py", explain=True, dense=False))
    assert {line.factor for line in answer.hits[0].explain} >= {"proximity", "import similarity"}
    assert ranks("not/indexed.py").keys() == ranks(None).keys()


def test_filters(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)

    def paths(**narrow: object) -> set[str]:
        return {h.path for h in engine.search(LOCAL, [shop], Request("order customer reserve items", filter=Filter(**narrow))).hits}  # type: ignore[arg-type]

    assert paths(languages=frozenset({"markdown"})) == {"README.md"}
    assert paths(languages=frozenset({"markdown", "python"}), paths=("orders",)) == {"orders/place.py", "orders/stock.py"}
    assert paths(paths=("*.md", "mail/")) == {"README.md", "mail/send.py"}
    assert paths(kinds=frozenset({"function"})) == {"orders/place.py", "orders/stock.py", "mail/send.py"}
    assert "README.md" in paths(kinds=frozenset({"docs"})) and "mail/send.py" not in paths(kinds=frozenset({"docs"}))
    assert paths(paths=("nowhere",)) == set()


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (Request(""), "The query is empty"),
        (Request(" \t\n"), "The query is empty"),
        (Request("x", k=0), "between 1 and 100, not 0"),
        (Request("x", k=101), "between 1 and 100, not 101"),
        (Request("x", filter=Filter(kinds=frozenset({"function", "widget"}))), "Unknown kind widget; known: class, code, config"),
        (Request("x", filter=Filter(languages=frozenset({"klingon"}))), "Unknown language klingon; known: "),
    ],
)
def test_a_wrong_request_names_what_is_right(engine: Engine, shop: str, request_: Request, sentence: str) -> None:
    for refuse in (check, lambda r: engine.search(LOCAL, [shop], r)):
        with pytest.raises(UsageError, match=sentence):
            refuse(request_)


def test_so_many_hits_as_asked_for_at_most(engine: Engine, tmp_path: Path) -> None:
    root = str(repository(tmp_path / "many", {f"m{i}.py": f"def common_{i}(value):\n    return value\n" for i in range(120)}))
    engine.index(LOCAL, root)
    for k in (1, 7, 100):
        assert len(engine.search(LOCAL, [root], Request("common value", k=k)).hits) == k


def test_a_folder_that_was_never_indexed(engine: Engine, shop: str) -> None:
    with pytest.raises(NotIndexed) as e:
        engine.search(LOCAL, [shop], Request("order"))
    assert e.value.message == f"{shop} has not been indexed; run: groma index {shop}" and e.value.exit_code == 6


def test_one_engine_is_shared_by_threads(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    wrong: list[BaseException | str] = []

    def work(i: int) -> None:
        try:
            for j in range(5):
                write(Path(shop, f"t{i}_{j}.py"), f"def threaded_{i}_{j}(): pass\n")
                engine.index(LOCAL, shop)
                found = engine.search(LOCAL, [shop], Request(f"threaded_{i}_{j}", k=1)).hits[0].path
                if found != f"t{i}_{j}.py":
                    wrong.append(found)
        except BaseException as e:  # noqa: BLE001 - shown by the assertion below
            wrong.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert engine.verify(LOCAL) == (1, [])


# ------------------------------------------------------------------------------------------------------- reading and telling


def test_read(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    source = str(SHOP["orders/place.py"]).split("\n")
    lines = engine.read(LOCAL, [shop], path="orders/place.py", start=6, end=7)
    assert (lines.root, lines.path, lines.start_line, lines.end_line, lines.total, lines.masked) == (shop, "orders/place.py", 6, 7, 9, False)
    assert lines.text == "\n".join(source[5:7])
    (hit,) = engine.search(LOCAL, [shop], Request("send_confirmation", k=1)).hits
    assert engine.read(LOCAL, [shop], hit_id=hit.id).text == hit.text.rstrip("\n")
    write(Path(shop, "mail/send.py"), "")
    with pytest.raises(UsageError, match=r"mail/send\.py is empty now"):
        engine.read(LOCAL, [shop], path="mail/send.py")
    Path(shop, "mail/send.py").unlink()
    with pytest.raises(NotIndexed, match="cannot be read now"):
        engine.read(LOCAL, [shop], path="mail/send.py")
    Path(shop, "mail/send.py").symlink_to("/etc/passwd")
    with pytest.raises(NotIndexed, match="cannot be read now"):
        engine.read(LOCAL, [shop], path="mail/send.py")


def test_why(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    why = engine.why(LOCAL, shop, "orders/place.py")
    assert (why.indexed, why.language, why.lines, why.imports) == (True, "python", 9, ("orders.stock",))
    assert [(name, kind, line) for name, kind, line, _ in why.symbols] == [("place_order", "function", 6)]
    assert engine.why(LOCAL, shop, "secret/plan.py").reason == "ignored by the pattern 'secret/' (.gitignore:1)"
    assert engine.why(LOCAL, shop, "orders").reason == "a folder; 2 files in it are indexed"
    for path, sentence in (("nothing.py", "There is no nothing.py"), ("../shop/README.md", "lies outside"), ("/etc/passwd", "lies outside")):
        with pytest.raises(UsageError, match=sentence):
            engine.why(LOCAL, shop, path)


def test_status_counts_what_changed_since(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    (before,) = engine.status(LOCAL)
    assert (before.root, before.files, before.stale_files, before.generation, before.finished) == (shop, 5, 0, 1, True)
    write(Path(shop, "mail/send.py"), "changed = 1\n")
    write(Path(shop, "mail/receive.py"), "new = 1\n")
    Path(shop, "README.md").unlink()
    assert engine.status(LOCAL, shop)[0].stale_files == 3
    engine.index(LOCAL, shop)
    assert engine.status(LOCAL, shop)[0].stale_files == 0


def test_generations_count_up(engine: Engine, shop: str, bank: str) -> None:
    engine.index(LOCAL, shop)
    engine.index(LOCAL, bank)
    engine.index(LOCAL, shop)

    def generations() -> dict[str, int]:
        return {s.root: s.generation for s in engine.status(LOCAL)}

    assert generations() == {shop: 1, bank: 1}
    engine.rebuild(LOCAL, shop)
    assert generations() == {shop: 2, bank: 1}
    engine.rebuild(LOCAL, None)
    assert generations() == {shop: 3, bank: 2}
    engine.forget(LOCAL, shop)
    engine.index(LOCAL, shop)
    assert generations() == {shop: 1, bank: 2}


def test_progress_is_reported_in_order(engine: Engine, shop: str) -> None:
    said: list[Progress] = []
    engine.index(LOCAL, shop, report=said.append)
    assert [p.step for p in said][:2] == ["walk", "index"] and said[-1].step == "settle"
    assert [p.done for p in said] == sorted(p.done for p in said) and said[-1].done == said[-1].total == 5


def test_a_memory_that_is_not_the_text_that_was_kept_is_told(engine: Engine, shop: str) -> None:
    engine.index(LOCAL, shop)
    with Database.connect(engine.folder / "catalogue.db") as db:
        memory_writes.add(db, memory_events.call("me"), Memory("a", "Orders are placed by customers."))
        assert engine.verify(LOCAL) == (1, [])
        db.execute("UPDATE memories SET content = 'Orders are placed by robots.'")
    assert engine.verify(LOCAL) == (1, ["catalogue: memory a is not the text that was kept"])
