"""What an agent's session costs: `groma-mcp` in front of the daemon, beside `groma mcp`, a whole server in Python for each session.

    python -m bench.front [--rounds N] [--sessions N] [--front PATH]

Both serve groma's own sources, from one data directory in which they are indexed, and are taken in turns:

- start: from the start of the process to the answer to `initialize`, and the memory that it holds then
- first call: from the start of the process to the answer to a first `tools/call` (the daemon runs already)
- calls: one session each, `index_status` and `search_code` by turns: through the front, by the Python server, to the daemon's socket without the
  front, and of the same surface in a process that serves nobody; `over the socket` is what the front adds to each call, of pairs made by turns
- many at once: so many sessions are started, each asks three things, then all are closed; the processes that are left after that are counted
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groma import __version__
from groma.serve import sockets, wire

from .build import copied
from .record import header, result_path, write

__all__ = ["Direct", "Server", "calls", "many", "start", "table"]

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "0"}}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (("index_status", {}), ("search_code", {"query": "where are ignore rules applied", "max_results": 5}))


class Server:
    """A running session."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._number = 0

    def send(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask."""
        assert self.process.stdin is not None
        self._number += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next answer; ends the run if it is an error."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit("the server left")
            said: dict[str, Any] = json.loads(line)
            if "method" not in said:
                if "error" in said or said["result"].get("isError"):
                    sys.exit(f"the server refused: {said}")
                return said

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer."""
        self.send(method, params)
        return self.hear()

    def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Call a tool."""
        self.ask("tools/call", {"name": name, "arguments": arguments})

    def memory_mb(self) -> tuple[float, float]:
        """What the process holds: resident, and its own share of it."""
        told = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text("ascii")
        kb = {line.split(":")[0]: int(line.split()[1]) for line in told.splitlines() if line.endswith("kB")}
        return kb["Rss"] / 1024, kb["Pss"] / 1024

    def end(self) -> tuple[float, int]:
        """Close its input: milliseconds until it ended, and its exit status."""
        assert self.process.stdin is not None and self.process.stdout is not None
        begun = time.perf_counter()
        self.process.stdin.close()
        code = self.process.wait()
        self.process.stdout.close()
        return 1e3 * (time.perf_counter() - begun), code


Open = Callable[[], Server]


def start(server: Open) -> dict[str, float]:
    """One start, one call, one end."""
    one = server()
    one.ask("initialize", HELLO)
    answered = time.perf_counter()
    resident, _ = one.memory_mb()
    one.call(*CALLS[0])
    called = time.perf_counter()
    after, _ = one.memory_mb()
    ended, code = one.end()
    if code:
        sys.exit(f"the server ended with {code}")
    return {
        "start_ms": 1e3 * (answered - one.begun),
        "first_call_ms": 1e3 * (called - one.begun),
        "rss_mb": resident,
        "rss_after_call_mb": after,
        "end_ms": ended,
    }


Ask = Callable[[str, Mapping[str, Any]], object]


def calls(asked: Mapping[str, Ask], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each call, by who was asked and by tool, all by turns; the first of each is not counted."""
    took: dict[str, dict[str, list[float]]] = {who: {name: [] for name, _ in CALLS} for who in asked}
    for n in range(rounds + 1):
        for name, arguments in CALLS:
            for who, ask in asked.items():
                begun = time.perf_counter()
                ask(name, arguments)
                if n:
                    took[who][name].append(1e3 * (time.perf_counter() - begun))
    return took


class Direct:
    """A session with the daemon itself."""

    def __init__(self, data: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._frames = wire.Frames(sockets.connect(sockets.path_of(str(data), environment), 10.0))
        self._frames.send({"groma": wire.PROTOCOL, "version": __version__, "client": "bench", "pid": os.getpid(), "cwd": str(folder), "env": {}})
        self._frames.receive()
        self._number = 0

    def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Call a tool."""
        self._number += 1
        self._frames.send({"id": self._number, "verb": "tool", "args": {"name": name, "arguments": arguments}})
        if "result" not in (said := self._frames.receive()) or said["result"]["isError"]:
            sys.exit(f"the daemon refused: {said}")

    def close(self) -> None:
        """Leave."""
        self._frames.close()


def many(server: Open, sessions: int) -> dict[str, Any]:
    """All at once."""
    begun = time.perf_counter()
    started = [server() for _ in range(sessions)]
    for one in started:
        one.send("initialize", HELLO)
    for one in started:
        one.hear()
    greeted = time.perf_counter()
    for one in started:
        one.send("tools/list", {})
        one.send("tools/call", {"name": CALLS[1][0], "arguments": CALLS[1][1]})
    for one in started:
        one.hear(), one.hear()
    answered = time.perf_counter()
    shares = [one.memory_mb()[1] for one in started]
    closing = time.perf_counter()
    for one in started:
        assert one.process.stdin is not None
        one.process.stdin.close()
    codes = [one.process.wait() for one in started]
    closed = time.perf_counter()
    left = [one.process.pid for one in started if Path(f"/proc/{one.process.pid}").exists()]
    return {
        "sessions": sessions,
        "all_greeted_ms": round(1e3 * (greeted - begun), 1),
        "all_answered_ms": round(1e3 * (answered - begun), 1),
        "memory_mb": round(sum(shares), 1),
        "all_ended_ms": round(1e3 * (closed - closing), 1),
        "exit_codes": sorted(set(codes)),
        "left": len(left),
    }


def _told(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 3), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3), "max": round(ordered[-1], 3)}


def table(result: Mapping[str, Any]) -> str:
    """What was measured, a line each."""
    names = list(result["measured"])
    lines = ["| what | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for what in dict.fromkeys(key for name in names for key in result["measured"][name]):
        for part in dict.fromkeys(key for name in names for key in result["measured"][name].get(what, {})):
            cells = [result["measured"][name].get(what, {}).get(part, "") for name in names]
            lines.append(f"| {what}: {part} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.front", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--front", type=Path, default=Path(sys.executable).parent / "groma-mcp", help="the binary (default: beside this Python)")
    parser.add_argument("--out", type=Path, help="where the raw result is kept (default: bench/results/<date>-front.json)")
    args = parser.parse_args(arguments)
    if not args.front.is_file():
        parser.error(f"there is no {args.front}: make setup, where cargo is")
    result = header("groma.bench-front/1")
    groma = [sys.executable, "-P", "-m", "groma"]
    with tempfile.TemporaryDirectory() as scratch:
        folder, data = Path(scratch, "project"), Path(scratch, "data")
        copied(folder)
        env = {k: v for k, v in os.environ.items() if not k.startswith("GROMA_") or k == "GROMA_CORE"}
        env |= {"GROMA_DATA_DIR": str(data), "XDG_CONFIG_HOME": str(Path(scratch, "config"))}
        opened: dict[str, Open] = {
            "groma-mcp": lambda: Server([str(args.front), "--python", sys.executable], folder, env),
            "groma mcp": lambda: Server([*groma, "mcp"], folder, env),
        }
        subprocess.run([*groma, "index", str(folder)], env=env | {"GROMA_DAEMON": "off"}, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*groma, "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        measured: dict[str, dict[str, Any]] = {name: {} for name in opened}
        try:
            rows: dict[str, list[dict[str, float]]] = {name: [] for name in opened}
            for _ in range(args.rounds):
                for name, server in opened.items():
                    rows[name].append(start(server))
            for name, some in rows.items():
                measured[name] |= {what: _told([row[what] for row in some]) for what in some[0]}
            one, other, direct = opened["groma-mcp"](), opened["groma mcp"](), Direct(data, folder, env)
            one.ask("initialize", HELLO), other.ask("initialize", HELLO)
            took = calls({"groma-mcp": one.call, "groma mcp": other.call, "the socket": direct.call}, 4 * args.rounds)
            one.end(), other.end(), direct.close()
            for name, by_tool in took.items():
                measured.setdefault(name, {}).update({f"{tool}_ms": _told(ms) for tool, ms in by_tool.items()})
            for tool, _ in CALLS:
                added = [through - without for through, without in zip(took["groma-mcp"][tool], took["the socket"][tool], strict=True)]
                measured["groma-mcp"][f"{tool}_over_the_socket_ms"] = _told(added)
            measured["in process"] = _inside(folder, env, args.rounds)
            for name, server in opened.items():
                measured[name]["many at once"] = many(server, args.sessions)
        finally:
            subprocess.run([*groma, "stop"], env=env, check=True, stdout=subprocess.DEVNULL)
        result |= {"rounds": args.rounds, "binary_bytes": args.front.stat().st_size, "measured": measured}
    out = args.out or result_path("front")
    write(out, result)
    print(table(result))
    print(f"raw result: {out}", file=sys.stderr)


def _inside(folder: Path, environment: Mapping[str, str], rounds: int) -> dict[str, Any]:
    """The same calls of the surface that both servers answer with, in this process, as a daemon that follows the folder answers them."""
    code = (
        "import json, os, sys; from pathlib import Path; from bench.front import calls, _told; from groma.config import load; "
        "from groma.engine import Engine; from groma.serve.freshness import Freshness; from groma.serve.tools import Surface\n"
        "with Engine(load(os.environ, data_dir=Path(), config_file=Path('none'))) as engine:\n"
        "    surface = Surface(engine, Freshness(engine), cwd=sys.argv[1], environment=os.environ)\n"
        "    took = calls({'it': surface.tool}, int(sys.argv[2]))['it']\n"
        "    print(json.dumps({f'{tool}_ms': _told(ms) for tool, ms in took.items()}), flush=True)\n"
        "    os._exit(0)\n"
    )
    root = str(Path(__file__).parents[1])
    env = dict(environment) | {"PYTHONPATH": os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))}
    ran = subprocess.run([sys.executable, "-c", code, str(folder), str(rounds)], env=env, check=True, stdout=subprocess.PIPE)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


if __name__ == "__main__":
    main()
