"""Run a client beside a model that says nothing, and print which tools the client offered it: `python tools/silent_model.py COMMAND …`.

For clients that list their MCP servers to nobody but a model. The model answers OpenAI's chat completions on the loopback of wherever this runs (in a
network namespace of its own, too, where it brings the loopback up); `{MODEL}` in the command and in the environment stands for its address.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OFFERED: set[str] = set()


class Model(BaseHTTPRequestHandler):
    """Says "yes" to everything, and remembers which tools it might have used."""

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        OFFERED.update(str(tool.get("function", {}).get("name")) for tool in said.get("tools") or ())
        about = {"id": "1", "created": 1, "model": "silent", "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        word = {"role": "assistant", "content": "yes"}
        if said.get("stream"):
            chunks: list[dict[str, Any]] = [{"delta": word, "finish_reason": None}, {"delta": {}, "finish_reason": "stop"}]
            rows = [about | {"object": "chat.completion.chunk", "choices": [{"index": 0} | chunk]} for chunk in chunks]
            body = "".join(f"data: {json.dumps(row)}\n\n" for row in rows) + "data: [DONE]\n\n"
        else:
            body = json.dumps(about | {"object": "chat.completion", "choices": [{"index": 0, "message": word, "finish_reason": "stop"}]})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if said.get("stream") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def loopback() -> None:
    """Bring the loopback up, where this user may: in a new network namespace it is down."""
    import fcntl

    up_and_running = 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, suppress(OSError):
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", up_and_running))


def main() -> int:
    """Run the command; its exit status."""
    loopback()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    env = {name: value.replace("{MODEL}", address) for name, value in os.environ.items()}
    ran = subprocess.run([word.replace("{MODEL}", address) for word in sys.argv[1:]], env=env, check=False)
    print("offered to the model:", *sorted(OFFERED))
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
