"""What an anchor is, compared with the code now."""

from __future__ import annotations

from pathlib import Path

import pytest

from groma import core
from groma.memory.anchors import Elsewhere, anchored, anchored_all, compared
from groma.records import Anchor
from tests.processes import git

CODE = b"class Ledger:\n    def close(self):\n        return 1\n\n\ndef open_ledger():\n    return Ledger()\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ledger.py").write_bytes(CODE)
    return tmp_path


def at(root: Path, symbol: str = "") -> Anchor:
    return anchored(Anchor("src/ledger.py", symbol), str(root))


def state(anchor: Anchor, root: Path, *symbols: str) -> tuple[str, str]:
    """Path and state, where other files are said to define the symbol."""
    found, now = compared(anchor, str(root), Elsewhere(lambda _: (), lambda _: symbols))
    return found.path, now


def test_the_blob_is_that_of_the_file_or_of_the_symbols_text(root: Path) -> None:
    assert at(root).blob == core.blob_id(CODE).hex()
    assert at(root, "Ledger.close").blob == at(root, "close").blob == core.blob_id(b"def close(self):\n    return 1").hex()
    assert at(root, "open_ledger").blob == core.blob_id(b"def open_ledger():\n    return Ledger()").hex()
    assert at(root, "nothing").blob == core.blob_id(CODE).hex()


def test_the_same_is_fresh(root: Path) -> None:
    assert compared(at(root), str(root)) == (at(root), "fresh")
    assert compared(at(root, "Ledger.close"), str(root)) == (at(root, "Ledger.close"), "fresh")
    of_file = Anchor("src/ledger.py", "close", core.blob_id(CODE).hex())  # as somebody may give it who asked git
    assert compared(of_file, str(root)) == (of_file, "fresh")


def test_other_content_is_changed(root: Path) -> None:
    whole, method, bare, gone = at(root), at(root, "Ledger.close"), at(root, "close"), at(root, "open_ledger")
    (root / "src/ledger.py").write_bytes(CODE.replace(b"return 1", b"return 2").replace(b"def open_ledger", b"def start"))
    assert [compared(a, str(root))[1] for a in (whole, method, bare, gone)] == ["changed", "changed", "changed", "gone"]


def test_a_symbol_is_fresh_whatever_changes_around_it(root: Path) -> None:
    method, function, whole = at(root, "Ledger.close"), at(root, "open_ledger"), at(root, "Ledger")
    (root / "src/ledger.py").write_bytes(
        b"import os\n\n" + CODE.replace(b"        return 1\n", b"        return 1\n\n    def open(self):\n        ...\n")
    )
    assert [compared(a, str(root))[1] for a in (method, function, whole)] == ["fresh", "fresh", "changed"]


def test_of_two_of_one_name_the_one_within_the_named_class_is_meant(root: Path) -> None:
    two = b"class Book:\n    def close(self):\n        return 0\n\n\n" + CODE
    (root / "src/ledger.py").write_bytes(two)
    assert at(root, "Ledger.close").blob == core.blob_id(b"def close(self):\n    return 1").hex()
    assert at(root, "Book.close").blob == core.blob_id(b"def close(self):\n    return 0").hex()


def test_what_lies_elsewhere_has_moved(root: Path) -> None:
    whole, method = at(root), at(root, "Ledger.close")
    (root / "src/ledger.py").rename(root / "src/book.py")
    found = Elsewhere(lambda blob: ["src/no.py", "src/book.py"] if blob == core.blob_id(CODE) else [], lambda name: ["src/no.py", "src/book.py"])
    assert compared(whole, str(root), found) == (Anchor("src/book.py", "", whole.blob), "moved")
    (root / "src/book.py").write_bytes(CODE + b"\n# more\n")
    assert compared(whole, str(root), found)[1] == "gone"
    assert compared(method, str(root), found) == (Anchor("src/book.py", "Ledger.close", method.blob), "moved")
    assert compared(method, str(root))[1] == "gone"


def test_a_symbol_that_moved_alone(root: Path) -> None:
    function, method = at(root, "open_ledger"), at(root, "Ledger.close")
    (root / "src/ledger.py").write_bytes(b"class Ledger:\n    total = 0\n")
    (root / "src/a.py").write_bytes(b"import os\n\n\nclass Other:\n    class Inner:\n        def close(self):\n            return 1\n")
    (root / "src/b.py").write_bytes(b"def open_ledger():\n    return Ledger()\n")
    assert state(function, root, "src/ledger.py", "src/a.py", "src/b.py") == ("src/b.py", "moved")
    assert state(method, root, "src/a.py") == ("src/a.py", "moved")  # deeper within, and in another class
    assert state(function, root) == ("src/ledger.py", "gone")


def test_a_symbol_that_moved_and_changed(root: Path) -> None:
    function = at(root, "open_ledger")
    (root / "src/ledger.py").write_bytes(b"class Ledger:\n    total = 0\n")
    (root / "src/b.py").write_bytes(b"def open_ledger():\n    return None\n")
    assert state(function, root, "src/b.py") == ("src/b.py", "changed")
    (root / "src/c.py").write_bytes(b"def open_ledger():\n    return 7\n")
    assert state(function, root, "src/b.py", "src/c.py") == ("src/ledger.py", "gone")  # which one it became nobody can tell


def test_brackets_belong_to_what_they_close(tmp_path: Path) -> None:
    code = "export function pay(\n  sum: number,\n): number {\n  return sum\n}\n\nexport function refund() {\n  return 0\n}\n"
    (tmp_path / "pay.ts").write_text(code)
    anchor = anchored(Anchor("pay.ts", "pay"), str(tmp_path))
    (tmp_path / "pay.ts").write_text("// paid\n" + code.replace("return 0", "return 1"))
    assert compared(anchor, str(tmp_path))[1] == "fresh"
    (tmp_path / "pay.ts").write_text(code.replace("return sum", "return 2 * sum"))
    assert compared(anchor, str(tmp_path))[1] == "changed"


def test_a_file_that_is_not_there_yet(root: Path) -> None:
    later = anchored(Anchor("src/later.py"), str(root))
    assert later == Anchor("src/later.py") and compared(later, str(root)) == (later, "gone")
    (root / "src/later.py").write_text("x = 1\n")
    assert compared(later, str(root)) == (later, "fresh")


def test_what_leads_out_of_the_project_is_never_read(root: Path) -> None:
    (root.parent / "secret.py").write_text("x = 1\n")
    (root / "link").symlink_to(root.parent)
    assert compared(anchored(Anchor("link/secret.py"), str(root)), str(root)) == (Anchor("link/secret.py"), "gone")


def test_the_commit_is_what_is_checked_out(root: Path) -> None:
    assert anchored_all((Anchor("src/ledger.py"),), str(root))[0].commit == ""
    git(root, "init", "-q", "-b", "main")
    assert anchored_all((Anchor("src/ledger.py"),), str(root))[0].commit == ""  # there is none yet
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    head = git(root, "rev-parse", "HEAD").strip()
    given = Anchor("src/ledger.py", "", "", "a" * 40)
    assert [a.commit for a in anchored_all((Anchor("src/ledger.py", "close"), given), str(root))] == [head, "a" * 40]
    assert anchored_all((Anchor("src/ledger.py"),), "a-name") == (Anchor("src/ledger.py"),)
