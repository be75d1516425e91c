"""The map is true: paths it names exist, imports keep to the layers, modules say what they are for, `__all__` is what is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "groma"
MODULES = sorted(p for p in SOURCE.rglob("*.py"))

LAYERS = {
    "values": 0, "types": 0, "errors": 0, "ports": 0, "records": 0, "drafts": 0,
    "_shared": 1, "_pure": 1, "_compiled": 1, "_rs": 1,
    "core": 1, "config": 1, "places": 1, "locks": 1, "filters": 1, "roles": 1, "secrets": 1, "catalogue": 1, "shapes": 1,
    "languages": 1, "watching": 1,
    "indexing": 2, "search": 2, "memory": 2,
    "stores": 3,
    "data": 4, "reading": 4, "memories": 4, "beginning": 4, "jobs": 4, "worker": 4, "engine": 4,
    "serve": 5, "cli": 5, "agents": 5,
}  # fmt: skip
NEVER = {
    "indexing": {"search", "stores", "memory"},
    "search": {"indexing", "stores", "memory"},
    "memory": {"indexing", "stores"},
    "stores": {"catalogue", "indexing", "search", "memory", "places", "config"},
    "cli": {"indexing", "search", "memory", "stores", "core", "catalogue"},
    "serve": {"indexing", "search", "memory", "stores", "core", "catalogue", "cli"},
    "agents": {"indexing", "search", "memory", "stores", "core", "catalogue", "cli", "serve", "engine"},
    "data": {"engine", "reading", "indexing", "search", "memory", "core"},
    "reading": {"engine", "data", "indexing", "search", "memory", "stores"},
    "beginning": {"engine", "data", "memories", "core", "indexing", "search", "stores"},
    "jobs": {"engine", "worker", "indexing", "search", "memory", "stores", "core"},
    "_pure": {"core", "config", "places", "locks", "filters", "roles", "secrets", "catalogue", "ports"},
    "_compiled": {"core", "config", "places", "locks", "filters", "roles", "secrets", "catalogue", "ports"},
}
BEHIND_THE_DOOR = {"_shared": {"_pure", "_compiled"}, "_pure": {"core", "_compiled"}, "_compiled": {"core"}, "_rs": {"_compiled"}}
"""Who may import what lies behind the door. What a command seldom needs, the compiled core takes from the plain one."""


def part(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The parts of groma that a module imports, anywhere in it, but not under TYPE_CHECKING."""
    tree = ast.parse(path.read_text("utf-8"))
    skip = {id(n) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) for n in ast.walk(node)}
    found = set()
    package = ["groma", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree):
        if id(node) in skip:
            continue
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("groma.")}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = [*base, *(node.module or "").split(".")] if node.module else base
            if full[:1] == ["groma"]:
                found |= {full[1]} if len(full) > 1 else {a.name for a in node.names}
    return {name for name in found if name in LAYERS}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_keep_to_the_layers(path: Path) -> None:
    own = part(path)
    if own in ("__init__", "__main__"):
        return
    for other in imports(path) - {own}:
        assert LAYERS[other] <= LAYERS[own], f"{own} (layer {LAYERS[own]}) imports {other} (layer {LAYERS[other]})"
        assert other not in NEVER.get(own, set()), f"{own} must not know {other}"
        assert own in BEHIND_THE_DOOR.get(other, {own}), f"{own} must not import {other}: only groma.core leads to it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_modules_say_what_they_are_for(path: Path) -> None:
    if "versions" in path.parts:
        return
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_all_names_what_is_there(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    listed = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"), None)
    if listed is None:
        return
    defined = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {(a.asname or a.name).split(".")[0] for a in node.names}
    if path == SOURCE / "core.py":
        return  # its names come when they are used; tests/test_core.py uses them all
    assert set(listed) <= defined
    assert len(set(listed)) == len(listed)


def test_no_private_name_crosses_modules() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("groma")):
                private = [a.name for a in node.names if a.name.startswith("_") and a.name not in ("__version__", "__file__", "_rs")]
                assert not private, f"{path} imports {private}"


def test_only_edges_read_the_environment() -> None:
    for path in MODULES:
        # Where git's own settings lie is decided by HOME and XDG_CONFIG_HOME; the walk has to follow git there.
        # Which core there is has to be known before anything of it is imported.
        if part(path) not in ("cli", "serve") and path not in (SOURCE / "_pure" / "git.py", SOURCE / "core.py"):
            assert not re.search(r"os\.environ|os\.getenv", path.read_text("utf-8")), f"{path} reads the environment"


def test_paths_on_the_map_exist() -> None:
    named = re.findall(r"`((?:src|rust|bench|tests|tools|docs)/[\w./-]*)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(named) > 20
    assert [p for p in named if not (ROOT / p).exists()] == []


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = {f"src/groma/{p.name}" for p in SOURCE.iterdir() if p.suffix == ".py" and not p.name.startswith("__")}
    rooms |= {f"src/groma/{p.name}/" for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert sorted(room for room in rooms if room not in text) == []
