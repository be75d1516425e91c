"""Raw results: what a run was made on, and the file it is kept in. A result names no person, host or path of the machine it came from."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "header", "machine", "result_path", "write"]

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The processor, cores this process may use, memory, system, Python, and how busy the machine is (load of the last minute)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu": _processor(),
        "cores": cores,
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            named = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    except OSError:
        named = []
    return named[0] if named else platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (ValueError, OSError, AttributeError):
        return None


def header(schema: str) -> dict[str, Any]:
    """How every raw result begins."""
    from groma import __version__, core

    return {
        "schema": schema,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "groma": {"version": __version__, "core": core.NAME, "vectors": core.static_id()},
    }


def result_path(what: str) -> Path:
    """`results/<date>-<what>.json`; a second run of a day is numbered, none is ever replaced."""
    day = datetime.now(UTC).date().isoformat()
    names = (f"{day}-{what}{f'-{n}' if n > 1 else ''}.json" for n in range(1, 1000))
    return next(path for path in (RESULTS / name for name in names) if not path.exists())


def write(path: Path, result: dict[str, Any]) -> None:
    """Keep a result: one top-level key a line, everything below it compact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for key, value in result.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
