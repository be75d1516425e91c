"""`groma search`: what it finds, what it prints, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from groma import core
from tests.cli.conftest import Groma
from tests.processes import Place, git, repository, write


def test_one_object_as_promised(groma: Groma, shop: Path) -> None:
    ran = groma("search", "--repo", shop, "--json", "what is left to pay after the discount")
    answer = ran.json
    assert list(answer) == ["schema", "query_id", "query", "hits", "scopes", "degraded", "core", "timings", "memories"]
    assert answer["schema"] == "groma.search/1"
    assert UUID(answer["query_id"])
    assert answer["query"] == "what is left to pay after the discount"
    assert answer["core"] == core.NAME
    assert (answer["degraded"], answer["memories"]) == ([], [])
    assert set(answer["timings"]) == {"understand", "retrieve", "fuse", "facts", "rank", "present"}
    assert all(ms >= 0 for ms in answer["timings"].values())

    best = answer["hits"][0]
    assert list(best) == [
        "id", "scope", "path", "start_line", "end_line", "symbol", "kind", "language", "score", "why", "text", "masked", "stale",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{16}", best["id"])
    assert (best["scope"], best["path"], best["language"]) == (str(shop), "src/shop/prices.py", "python")
    assert (best["masked"], best["stale"]) == (False, False)
    lines = (shop / best["path"]).read_text().split("\n")
    assert best["text"] == "\n".join(lines[best["start_line"] - 1 : best["end_line"]])
    assert "def after_discount" in best["text"]
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)

    (scope,) = answer["scopes"]
    assert list(scope) == ["root", "generation", "age_s", "indexed", "known", "skipped"]
    assert (scope["root"], scope["generation"]) == (str(shop), 1)
    assert scope["skipped"] == {"binary": 1, "empty": 1, "generated": 1, "secrets-file": 1}
    assert scope["known"] == scope["indexed"] + sum(scope["skipped"].values())
    assert 0 <= scope["age_s"] < 60
    assert ran.err == ""


def test_explain_adds_up_to_the_score(groma: Groma, shop: Path) -> None:
    hits = groma("search", "--repo", shop, "--json", "--explain", "total price of the items in a Cart").json["hits"]
    assert len({h["path"] for h in hits}) > 2
    for hit in hits:
        assert hit["explain"]["score"] == hit["score"]
        for line in hit["explain"]["factors"]:
            assert list(line) == ["factor", "value", "weight", "added", "detail"]
            assert line["added"] == pytest.approx(line["value"] * line["weight"], abs=2e-5)
        assert sum(line["added"] for line in hit["explain"]["factors"]) == pytest.approx(hit["score"], abs=1e-4)


def test_lines_for_people(groma: Groma, shop: Path) -> None:
    ran = groma("search", "--repo", shop, "-k", "2", "where is the order sent to the warehouse")
    first = ran.out.split("\n")[0]
    assert re.fullmatch(r"web/checkout\.ts:\d+-\d+  sendOrder  \S.*", first)
    assert re.search(r"(?m)^    4  export function sendOrder", ran.out)
    assert len(re.findall(r"(?m)^\S", ran.out)) == 2
    assert "\x1b" not in ran.out
    assert ran.err == ""


def test_explain_for_people_adds_up_too(groma: Groma, shop: Path) -> None:
    ran = groma("search", "--repo", shop, "--explain", "Cart")
    added = 0.0
    for line in ran.out.split("\n"):
        if found := re.fullmatch(r"    ([+-]\d+\.\d{3}) = -?\d+\.\d{3} x [+-]\d+\.\d{3}  \S.*\S", line):
            added += float(found[1])
        elif found := re.fullmatch(r"    ([+-]\d+\.\d{3})   score", line):
            assert added == pytest.approx(float(found[1]), abs=0.005)
            added = 0.0
    assert "score" in ran.out


def test_many_words_are_one_query(groma: Groma, shop: Path) -> None:
    several = groma("search", "--repo", shop, "--json", "throw", "everything", "out").json
    assert several["query"] == "throw everything out"
    assert "def empty_cart" in several["hits"][0]["text"]


def test_a_new_folder_is_indexed_first_unless_told_not_to(groma: Groma, shop: Path) -> None:
    ran = groma("search", "--repo", shop, "--no-index", "discount", code=6)
    assert ran.out == ""
    assert ran.err == f"groma: {shop} has not been indexed; run: groma index {shop}\n"
    assert "prices.py" in groma("search", "--repo", shop, "discount").out
    write(shop / "src/shop/refunds.py", "def refund_customer():\n    pass\n")
    assert "refunds.py" not in groma("search", "--repo", shop, "--no-index", "refund customer").out
    assert groma("search", "--repo", shop, "refund customer").out.startswith("src/shop/refunds.py:1-2  refund_customer  ")


def test_nothing_found_is_no_error(groma: Groma, shop: Path) -> None:
    groma("index", shop)
    ran = groma("search", "--repo", shop, "--json", "--language", "zig", "discount")
    assert ran.json["hits"] == []
    ran = groma("search", "--repo", shop, "--language", "zig", "discount")
    assert (ran.out, ran.err) == ("", "groma: nothing found\n")
    ran = groma("search", "--repo", shop, "???")
    assert "no searchable words" in ran.err


def test_filters(groma: Groma, shop: Path) -> None:
    def paths(*options: str) -> set[str]:
        return {h["path"] for h in groma("search", "--repo", shop, "--json", *options, "discount price order warehouse cart").json["hits"]}

    assert paths() >= {"src/shop/cart.py", "src/shop/prices.py", "web/checkout.ts", "docs/guide.md", "shop.toml"}
    assert paths("--language", "typescript") == {"web/checkout.ts"}
    assert paths("-l", "typescript", "-l", "toml") == {"web/checkout.ts", "shop.toml"}
    assert paths("--path", "docs") == {"docs/guide.md"}
    assert paths("-p", "*.ts", "-p", "src/**/prices.py") == {"web/checkout.ts", "src/shop/prices.py"}
    assert paths("--kind", "docs") == {"docs/guide.md", ".gitignore"}  # text of no known kind is read as a document
    assert paths("--kind", "config") == {"shop.toml"}
    assert "docs/guide.md" not in paths("--kind", "code") and "src/shop/cart.py" in paths("--kind", "code")
    assert paths("--kind", "function", "--language", "typescript") == {"web/checkout.ts"}
    assert paths("--path", "web", "--language", "python") == set()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([""], "The query is empty"),
        (["  \n "], "The query is empty"),
        (["-k", "0", "x"], "between 1 and 100, not 0"),
        (["-k", "101", "x"], "between 1 and 100, not 101"),
        (["--kind", "thing", "x"], "Unknown kind thing; known: class, code, "),
        (["--language", "klingon", "x"], "Unknown language klingon; known: "),
        (["--repo", "nowhere", "x"], "nowhere does not exist; give the folder"),
        (["--repo", "shop/shop.toml", "x"], "shop/shop.toml is a file, not a folder"),
    ],
)
def test_wrong_usage_says_so_before_anything_is_indexed(groma: Groma, place: Place, shop: Path, options: list[str], sentence: str) -> None:
    ran = groma("search", *([] if "--repo" in options else ["--repo", shop]), *options, code=2)
    assert ran.err.startswith("groma: ") and sentence in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""
    assert not place.data.exists()


@pytest.mark.parametrize("options", [[], ["-k", "many", "x"], ["--nonsense", "x"]])
def test_wrong_options_are_the_shells_own_kind_of_error(groma: Groma, options: list[str]) -> None:
    ran = groma("search", *options, code=2)
    assert ran.out == ""
    assert ran.err.startswith("Usage: groma search")


def test_two_repositories_in_one_answer(groma: Groma, place: Place, shop: Path) -> None:
    bank = repository(place.folder / "bank", {"ledger.py": "def discount_the_ledger():\n    return 1\n"})
    answer = groma("search", "--repo", shop, "--repo", bank, "--repo", shop, "--json", "discount").json
    assert [scope["root"] for scope in answer["scopes"]] == [str(shop), str(bank)]
    assert {(h["scope"], h["path"]) for h in answer["hits"]} >= {(str(shop), "src/shop/prices.py"), (str(bank), "ledger.py")}
    out = groma("search", "--repo", shop, "--repo", bank, "discount").out
    assert re.search(r"(?m)^bank/ledger\.py:1-2  ", out) and re.search(r"(?m)^shop/src/shop/prices\.py:", out)


def test_two_repositories_of_the_same_name_are_told_apart(groma: Groma, place: Place) -> None:
    one = repository(place.folder / "one" / "app", {"a.py": "def greet_one(): pass\n"})
    two = repository(place.folder / "two" / "app", {"a.py": "def greet_two(): pass\n"})
    out = groma("search", "--repo", one, "--repo", two, "greet").out
    assert f"{one}/a.py:1-1  greet_one" in out and f"{two}/a.py:1-1  greet_two" in out


def test_the_folder_that_is_meant(groma: Groma, shop: Path) -> None:
    inner = shop / "src" / "shop"
    inside = groma("search", "--json", "discount", cwd=inner).json
    assert inside["scopes"][0]["root"] == str(shop)
    exactly = groma("search", "--repo", ".", "--json", "discount", cwd=inner).json
    assert exactly["scopes"][0]["root"] == str(inner)
    assert {h["path"] for h in exactly["hits"]} <= {"cart.py", "prices.py", "__init__.py"}


def test_the_working_directory_where_there_is_no_git(groma: Groma, place: Place) -> None:
    write(place.folder / "plain" / "sub" / "a.py", "def alone(): pass\n")
    answer = groma("search", "--json", "alone", cwd=place.folder / "plain" / "sub").json
    assert answer["scopes"][0]["root"] == str(place.folder / "plain" / "sub")


def test_ids_of_hits_outlive_edits_elsewhere(groma: Groma, shop: Path) -> None:
    def ids() -> dict[str, tuple[str, str]]:
        hits = groma("search", "--repo", shop, "--json", "-k", "30", "cart items price discount order warehouse total").json["hits"]
        return {h["id"]: (h["path"], h["text"]) for h in hits}

    filler = "\n\n".join(f"def step_{i}(value):\n    " + "\n    ".join(f"value = value + {i * 100 + j}" for j in range(60)) for i in range(3))
    write(shop / "src/shop/long.py", filler + "\n\n\ndef discount_of_the_cart(items):\n    return items\n")
    before = ids()
    edited = (shop / "src/shop/long.py").read_text().replace("value = value + 3\n", "value = value + 3  # was two\n", 1)
    write(shop / "src/shop/long.py", "import os\n\n" + edited)
    write(shop / "docs/guide.md", "# Guide\n\nRewritten.\n")
    after = ids()
    assert {i for i, (path, _) in before.items() if path.startswith(("web/", "src/shop/cart", "src/shop/prices"))} <= set(after)
    last = [i for i, (path, text) in before.items() if path.endswith("long.py") and "discount_of_the_cart" in text]
    assert last and last[0] in after


def test_a_second_worktree_and_a_rebuild_keep_the_ids(groma: Groma, place: Place, shop: Path) -> None:
    query = ("--json", "total price of the cart")
    before = [h["id"] for h in groma("search", "--repo", shop, *query).json["hits"]]
    git(shop, "worktree", "add", "-q", place.folder / "other")
    summary = groma("index", "--json", place.folder / "other").json
    assert (summary["attached"], summary["indexed"]) == (7, 7)
    assert summary["read"] == 0  # what was left out for what is in it is known from the first folder
    assert [h["id"] for h in groma("search", "--repo", place.folder / "other", *query).json["hits"]] == before
    groma("rebuild", shop)
    again = groma("search", "--repo", shop, *query).json
    assert [h["id"] for h in again["hits"]] == before
    assert again["scopes"][0]["generation"] == 2


def test_near_raises_what_is_close(groma: Groma, place: Place) -> None:
    files: dict[str, str | bytes] = {f"{part}/handler.py": "def handle_request(request):\n    return request\n" for part in ("alpha", "gamma")}
    root = repository(place.folder / "parts", files | {"gamma/routes.py": "def route(): pass\n"})

    def scores(*options: str) -> dict[str, float]:
        return {h["path"]: h["score"] for h in groma("search", "--repo", root, "--json", *options, "handle request").json["hits"]}

    plain, near = scores(), scores("--near", "gamma/routes.py")
    assert near["gamma/handler.py"] - plain["gamma/handler.py"] > near["alpha/handler.py"] - plain["alpha/handler.py"] > 0
    explained = groma("search", "--repo", root, "--json", "--explain", "--near", "gamma/routes.py", "handle request").json["hits"]
    assert "proximity" in {line["factor"] for line in explained[0]["explain"]["factors"]}


def test_credentials_are_masked_everywhere(groma: Groma, place: Place) -> None:
    secret = "ghp_" + "Zk3QvT9mXw7RbN2sLc8YdF5hJp4GaEuK6iVo"  # no real one
    root = repository(place.folder / "leaky", {"client.py": f'def connect_to_the_service():\n    token = "{secret}"\n    return token\n'})
    ran = groma("search", "--repo", root, "--json", "connect to the service token")
    assert ran.json["hits"][0]["masked"] is True
    assert secret not in ran.out
    assert any("masked" in sentence for sentence in ran.json["degraded"])
    ran = groma("search", "--repo", root, "connect to the service token")
    assert secret not in ran.out and "[masked]" in ran.out.split("\n")[0]
    assert secret not in groma("why", "--repo", root, "client.py").out


def test_a_refused_root(groma: Groma, place: Place) -> None:
    for root in ("/", place.home, place.home.parent):
        ran = groma("search", "--repo", root, "x", code=3)
        assert "too wide to index by accident" in ran.err and "groma index --yes" in ran.err
    write(place.home / "note.md", "# Groceries\n\nmilk and bread\n")
    groma("index", "--yes", place.home)
    assert "note.md:1-3" in groma("search", "--repo", place.home, "groceries").out


def test_a_large_limit_of_a_project_counts_for_every_verb(groma: Groma, shop: Path) -> None:
    write(shop / "big.py", "# a long story\n" * 4000)
    assert groma("index", "--json", shop).json["skipped"].get("too-large") is None
    write(shop / ".groma.toml", "max_file_bytes = 20000\n")
    assert groma("search", "--repo", shop, "--json", "story").json["scopes"][0]["skipped"]["too-large"] == 1
    (scope,) = groma("status", "--json").json["scopes"]
    assert scope["stale_files"] == 0
    assert "larger than max_file_bytes" in groma("why", shop / "big.py").out
    write(shop / ".groma.toml", "data_dir = '/tmp/elsewhere'\n")
    assert "comes with a clone" in groma("search", "--repo", shop, "x", code=3).err
