"""What all tests share: nothing they start may start a daemon that outlives them. Tests of the daemon start theirs themselves, and end them.

`GROMA_TEST_DAEMON=auto pytest tests/cli` runs the tests of the verbs through daemons instead, one a place.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

os.environ["GROMA_DAEMON"] = "off"

MEASURED = frozenset({"tests.test_jobs", "tests.serve.test_daemon", "tests.serve.test_mcp"})
"""Where coverage is measured, it is in the processes too that these tests start: they are about what runs in no other. (A short process takes half
as long again for it, so not everywhere; and not where a test is marked `unmeasured`, since it kills them or counts what they hold.)"""


@pytest.fixture(autouse=True)
def measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    running = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if running is not None and request.module.__name__ in MEASURED and "unmeasured" not in request.keywords:
        monkeypatch.setenv("COVERAGE_PROCESS_START", str(Path(__file__).parent / "children.toml"))
        monkeypatch.setenv("COVERAGE_FILE", os.path.abspath(running.config.data_file))
