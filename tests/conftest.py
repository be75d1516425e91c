"""What all tests share: nothing they start may start a daemon that outlives them. Tests of the daemon start theirs themselves, and end them.

`GROMA_TEST_DAEMON=auto pytest tests/cli` runs the tests of the verbs through daemons instead, one a place.
"""

from __future__ import annotations

import os

os.environ["GROMA_DAEMON"] = "off"
