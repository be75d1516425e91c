"""Real servers for tests, started by the tests themselves from what the system has installed. Nothing here stands in for anything."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Postgres", "ServiceMissing", "postgres"]


class ServiceMissing(Exception):
    """The server's programs are not on this machine; the message says what would bring them."""


@dataclass(frozen=True)
class Postgres:
    """A running server that listens on a Unix socket in `folder` only; `uid` is who runs it."""

    folder: Path
    uid: int

    def url(self, database: str) -> str:
        """Where `database` is reached, as the superuser `groma`."""
        return f"postgresql://groma@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, outside any transaction."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def empty_schema(self) -> str:
        """The URL of an empty schema in a database with others: made in no time (a database is nine hundred files)."""
        name = f"s{uuid.uuid4().hex}"
        self.run(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}&options=-csearch_path%3D{name}"

    def empty_database(self, options: str = "") -> str:
        """The URL of an empty database, made with `options` of CREATE DATABASE."""
        name = f"d{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} {options}")
        return self.url(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Make a new cluster in a temporary folder, run it, and remove both. Raises ServiceMissing where Postgres or psycopg is not installed."""
    programs = _postgres_programs()
    try:
        import psycopg
    except ImportError as e:
        raise ServiceMissing("psycopg is not installed: pip install 'psycopg[binary]'") from e
    account = _unprivileged()
    who: dict[str, Any] = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    # Short, because the path of a socket may have about 100 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="groma-pg-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        running = Postgres(folder, os.getuid() if account is None else account.pw_uid)
        log = folder / "log"
        with open(log, "wb") as output:
            rest: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, **who}
            data = ["-D", str(folder / "data")]
            made = subprocess.run(
                [programs / "initdb", *data, "-U", "groma", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"], check=False, **rest
            )
            if made.returncode:
                raise RuntimeError(f"initdb failed:\n{log.read_text(errors='replace')}")
            # Not by pg_ctl: the server is our own child, so that we see it end and nobody else has to.
            server = subprocess.Popen(
                [programs / "postgres", *data, "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40"], **rest
            )
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    psycopg.connect(running.url("postgres")).close()
                    break
                except psycopg.OperationalError:
                    if server.poll() is not None or time.monotonic() > until:
                        raise RuntimeError(f"postgres did not start:\n{log.read_text(errors='replace')}") from None
                    time.sleep(0.05)
            yield running
        finally:
            server.send_signal(signal.SIGQUIT)  # what pg_ctl calls an immediate stop
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    """The folder of initdb and postgres: that on PATH, else the newest of Debian's."""
    if (found := shutil.which("initdb")) and (folder := Path(os.path.realpath(found)).parent).joinpath("postgres").exists():
        return folder
    folders = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not folders:
        raise ServiceMissing("no initdb on PATH nor in /usr/lib/postgresql/*/bin: apt-get install postgresql-15")
    return Path(max(folders, key=lambda path: int(Path(path).parts[-3]))).parent


def _unprivileged() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root: the account to become, None if we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceMissing("running as root, and there is neither an account postgres nor nobody to run the server")
