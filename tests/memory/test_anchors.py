"""What an anchor is, compared with the code now."""

from __future__ import annotations

from pathlib import Path

import pytest

from groma import core
from groma.memory.anchors import Elsewhere, anchored, compared
from groma.records import Anchor

CODE = b"class Ledger:\n    def close(self):\n        return 1\n\n\ndef open_ledger():\n    return Ledger()\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ledger.py").write_bytes(CODE)
    return tmp_path


def at(root: Path, symbol: str = "") -> Anchor:
    found = anchored(Anchor("src/ledger.py", symbol), str(root))
    assert found.blob == core.blob_id(CODE).hex()
    return found


def test_the_same_file_is_fresh(root: Path) -> None:
    assert compared(at(root), str(root)) == (at(root), "fresh")
    assert compared(at(root, "Ledger.close"), str(root))[1] == "fresh"


def test_other_content_is_changed(root: Path) -> None:
    whole, method, bare, gone = at(root), at(root, "Ledger.close"), at(root, "close"), at(root, "open_ledger")
    (root / "src/ledger.py").write_bytes(CODE.replace(b"return 1", b"return 2").replace(b"def open_ledger", b"def start"))
    assert [compared(a, str(root))[1] for a in (whole, method, bare, gone)] == ["changed", "changed", "changed", "gone"]


def test_what_lies_elsewhere_has_moved(root: Path) -> None:
    whole, method = at(root), at(root, "Ledger.close")
    (root / "src/ledger.py").rename(root / "src/book.py")
    found = Elsewhere(lambda blob: ["src/no.py", "src/book.py"] if blob == core.blob_id(CODE) else [], lambda name: ["src/no.py", "src/book.py"])
    assert compared(whole, str(root), found) == (Anchor("src/book.py", "", whole.blob), "moved")
    (root / "src/book.py").write_bytes(CODE + b"\n# more\n")
    assert compared(whole, str(root), found)[1] == "gone"
    assert compared(method, str(root), found) == (Anchor("src/book.py", "Ledger.close", method.blob), "moved")
    assert compared(method, str(root))[1] == "gone"


def test_a_file_that_is_not_there_yet(root: Path) -> None:
    later = anchored(Anchor("src/later.py"), str(root))
    assert later == Anchor("src/later.py") and compared(later, str(root)) == (later, "gone")
    (root / "src/later.py").write_text("x = 1\n")
    assert compared(later, str(root)) == (later, "fresh")


def test_what_leads_out_of_the_project_is_never_read(root: Path) -> None:
    (root.parent / "secret.py").write_text("x = 1\n")
    (root / "link").symlink_to(root.parent)
    assert compared(anchored(Anchor("link/secret.py"), str(root)), str(root)) == (Anchor("link/secret.py"), "gone")
