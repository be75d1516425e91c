"""Does what we wrote work? Reads a client's file as the client would, starts the server it names, and asks it two questions over MCP."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..errors import GromaError
from ..values import value
from .entries import Server

__all__ = ["Answered", "answered"]

WITHIN_S = 30.0
"""The time that clients give a server to begin."""


@value
class Answered:
    """The server's name and version, the names of its tools, and the seconds until it had told them."""

    name: str
    version: str
    tools: tuple[str, ...]
    seconds: float


def answered(server: Server, environment: Mapping[str, str], *, folder: str, within_s: float = WITHIN_S) -> Answered:
    """Start a server in a folder, say `initialize`, ask for its tools, and end it. Raises GromaError if it does not answer in time."""
    begun = time.monotonic()
    try:
        process = subprocess.Popen(
            [server.command, *server.args],
            cwd=folder,
            env={**environment, **server.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as e:
        raise GromaError(f"{server.command} cannot be started: {e.strerror or e}.") from e
    said: list[bytes] = []
    drain = threading.Thread(target=lambda: said.append(process.stderr.read(65_536) if process.stderr else b""), daemon=True)
    drain.start()
    timer = threading.Timer(within_s, process.kill)
    timer.start()
    try:
        hello = _ask(process, 1, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "groma", "version": "1"}})
        _tell(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        tools = _ask(process, 2, "tools/list", {})
        names = tuple(str(tool["name"]) for tool in tools["tools"])
        about = hello["serverInfo"]
        return Answered(str(about["name"]), str(about["version"]), names, time.monotonic() - begun)
    except (OSError, ValueError, KeyError, TypeError) as e:
        ended = process.poll() is not None
        process.kill()
        drain.join(2)
        last = b"".join(said).decode("utf-8", "replace").strip().splitlines()
        why = last[-1] if last else "it ended without a word" if ended else str(e)
        raise GromaError(f"{server.command} does not answer: {why}") from e
    finally:
        timer.cancel()
        with suppress(OSError):  # what was not read yet
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        drain.join(2)
        for stream in (process.stdout, process.stderr):
            if stream and not (stream is process.stderr and drain.is_alive()):
                stream.close()


def _tell(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def _ask(process: subprocess.Popen[bytes], number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    _tell(process, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert process.stdout is not None
    while line := process.stdout.readline():
        message = json.loads(line)
        if isinstance(message, dict) and message.get("id") == number and "method" not in message:
            if "result" not in message:
                raise ValueError(str(message.get("error", {}).get("message", "an error")))
            result: dict[str, Any] = message["result"]
            return result
    raise ValueError(f"it said nothing to {method} in time{os.linesep}".strip())
