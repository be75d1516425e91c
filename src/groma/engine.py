"""The engine: opens, wires and closes; its methods are the verbs every face calls, each with the `Caller` who asks.

It is synchronous and may be shared by threads. It is the one place that knows which catalogue, store and scopes belong together, and the one
place where the scope filter of a caller is applied.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from . import core
from .catalogue import generations, manifests, scopes
from .catalogue.database import Database
from .config import Settings, within
from .errors import (
    CatalogueDamaged,
    ConfigurationError,
    DiskFull,
    GromaError,
    NotIndexed,
    ReadOnly,
    Refused,
    RefusedRoot,
    StoreDamaged,
    StoreUnreachable,
    UsageError,
)
from .filters import KIND_GROUPS
from .indexing.pipeline import Summary, index
from .indexing.plan import known_of
from .locks import exclusive
from .places import is_wide
from .search.pipeline import search
from .stores.local import FORMAT as STORE_FORMAT
from .stores.local import LocalStore, open_local
from .types import Answer, Caller, Coverage, Progress, Request, Scope

__all__ = ["Engine", "Lines", "ScopeStatus", "Why", "check", "profile"]

READ_LINES = 200
"""So many lines are read of a path where no last line is given."""

T = TypeVar("T")

ATTEMPTS = 10
"""How often a store that another process replaces meanwhile is opened anew."""

KIND = "code"
"""The kind of generation this engine has so far."""

FOLDER = "a folder"


def profile() -> str:
    """The name of what stores are made of: chunker, tokens, weights, vectors, store. Another one means another store file."""
    parts = (core.CHUNKER_VERSION, core.TOKENS_VERSION, core.PASSAGE_VERSION, core.static_id(), "local", STORE_FORMAT)
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """One scope as `status` tells it. `stale_files` counts files that differ from the manifest now."""

    root: str
    files: int
    chunks: int
    languages: dict[str, int]
    skipped: dict[str, int]
    generation: int
    age_s: float | None
    stale_files: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Why:
    """Why a file is or is not in the index, and what is known of it."""

    path: str
    indexed: bool
    reason: str
    language: str | None
    lines: int
    chunks: int
    symbols: tuple[tuple[str, str, int, str], ...]
    imports: tuple[str, ...]
    calls: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file as they are now, masked; `total` is how many the file has."""

    root: str
    path: str
    start_line: int
    end_line: int
    total: int
    text: str
    masked: bool
    symbol: str = ""


class Engine:
    """Use as a context manager, or call `close`."""

    def __init__(self, settings: Settings) -> None:
        """Opens nothing yet but makes sure the data directory exists. Raises ReadOnly if it cannot be made."""
        self.settings = settings
        self.folder = settings.data_dir
        self._lock = threading.RLock()
        self._local = threading.local()
        self._opened: list[Database] = []
        self._stores: dict[str, LocalStore] = {}
        self._healed: list[str] = []

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            for store in self._stores.values():
                store.close()
            for db in self._opened:
                db.close()
            self._stores.clear()
            self._opened.clear()
            self._local = threading.local()

    # ------------------------------------------------------------------------------------------------------------------- wiring

    @property
    def _db(self) -> Database:
        """The catalogue, one connection a thread."""
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            self._make_folder()
            db = self._local.db = Database.connect(self.folder / "catalogue.db")
            with self._lock:
                self._opened.append(db)
        return db

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except (FileExistsError, NotADirectoryError):
            raise Refused(f"The data directory {self.folder} is a file; set GROMA_DATA_DIR to a folder.") from None
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _not_written(self.folder, e) from e
            raise ReadOnly(f"The data directory {self.folder} cannot be made ({e.strerror}); set GROMA_DATA_DIR to a folder you may write.") from e
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            with suppress(OSError):  # it may lie within a folder that is indexed or committed, where it would change with every run
                ignore.write_text("*\n")

    def _store(self, name: str) -> LocalStore:
        with self._lock:
            if (store := self._stores.get(name)) is not None and store.replaced:
                self._let_go(name)
            if name not in self._stores:
                self._make_folder()
                # Not while another process moves or removes the same files: SQLite's log must not be taken from under a new store.
                with self._locked(f"store-{name}") if os.access(self.folder, os.W_OK) else nullcontext():
                    self._stores[name] = open_local(self.folder, name)
            return self._stores[name]

    def _let_go(self, name: str) -> None:
        if store := self._stores.pop(name, None):
            self._healed += store.notes
            store.close()

    def _limit(self, root: str) -> int:
        """The largest file that is indexed in a folder, in bytes: its own `.groma.toml` has a say."""
        return within(self.settings, Path(root)).max_file_bytes

    def _scope(self, caller: Caller, root: str) -> Scope:
        """The scope of a folder that was indexed, if this caller may see it."""
        found = scopes.find(self._db, root)
        if found is None or (caller.scopes is not None and found.id not in caller.scopes):
            raise NotIndexed(f"{root} has not been indexed; run: groma index {root}", root=root)
        return Scope(found.id, found.root)

    def _heal(self, name: str, why: StoreDamaged, before: int) -> int:
        """Keep a copy of a damaged store and make room for a new one, unless another process replaced it meanwhile.

        `before` is how often this was done on the way; returns how often it now was. Raises `why` where nothing can be moved.
        """
        if not os.access(self.folder, os.W_OK):
            raise why
        with self._lock, self._locked(f"store-{name}"):
            if self._replaced(name):
                return before
            if before:
                raise StoreDamaged(f"The index in {self.folder} was damaged again right after it was rebuilt; check the disk.") from why
            self._unfinish()
            stamp = _stamp()
            moved = []
            try:
                for path in (*self.folder.glob(f"store-{name}.db*"), self.folder / f"segment-{name}"):
                    if path.exists() and ".damaged-" not in path.name:
                        os.replace(path, path.with_name(f"{path.name}.damaged-{stamp}"))
                        moved.append(path.name)
            except OSError as e:
                raise _not_written(self.folder, e) from e
            self._unfinish()  # a run that came to its end meanwhile wrote into what is gone
            self._healed.append(f"{why.message}: {', '.join(moved)} set aside as *.damaged-{stamp}, and the index rebuilt from the files")
        return before + 1

    def _replaced(self, name: str) -> bool:
        """Lets go of a store; was the file it is in, or could not be opened from, replaced by another process?"""
        if name in self._stores:
            replaced = self._stores[name].replaced
            self._let_go(name)
            return replaced
        try:
            self._stores[name] = open_local(self.folder, name)
        except StoreDamaged:
            return False
        return True

    def _unfinish(self) -> None:
        """What the scopes had is gone with the store, or will be: until its next run, each of them is unfinished rather than damaged."""
        for scope in scopes.all(self._db):
            with suppress(NotIndexed):  # forgotten meanwhile
                scopes.begin_run(self._db, scope.id)

    def _on_store(self, name: str, work: Callable[[LocalStore], T]) -> T:
        """`work` on a store; again from its start if the store was damaged and is healed, or another process replaced it."""
        healed = 0
        for _ in range(ATTEMPTS):
            try:
                return work(self._store(name))
            except StoreDamaged as e:
                healed = self._heal(name, e, healed)
        raise StoreUnreachable(f"The index in {self.folder} is replaced by other processes again and again; try again later.")

    # -------------------------------------------------------------------------------------------------------------------- verbs

    def index(
        self,
        caller: Caller,
        root: str,
        *,
        consent: bool = False,
        report: Callable[[Progress], None] = lambda _progress: None,
        waiting: Callable[[], None] | None = None,
    ) -> Summary:
        """Bring the index of a folder up to date (the whole of it, the first time).

        Raises RefusedRoot for a root nobody means to index whole, unless `consent`; NotIndexed for one that the caller may not see.
        """
        _may(caller, "index")
        if caller.scopes is not None:
            self._scope(caller, root)  # who may see some folders only adds none to them
        if not os.access(root, os.R_OK | os.X_OK):
            raise Refused(f"{root} cannot be read; check its permissions.", root=root)
        if not consent and is_wide(root) and scopes.find(self._db, root) is None:
            raise RefusedRoot(
                f"{root} is too wide to index by accident; give a project's folder, or if you mean it run: groma index --yes {root}", root=root
            )
        limit = self._limit(root)
        name = profile()
        with self._claimed(root, waiting) as scope:

            def run(store: LocalStore) -> Summary:
                summary = index(self._db, store, scope, max_file_bytes=limit, report=report)
                if store.replaced:  # after the last write to it
                    raise StoreDamaged(f"{store.path.name} was replaced by another process")
                return summary

            result = self._on_store(name, run)
            current = generations.current(self._db, scope.id, KIND)
            if current is None or current.profile != name:
                generations.flip(self._db, scope.id, KIND, name)
        return result

    @contextmanager
    def _claimed(self, root: str, waiting: Callable[[], None] | None) -> Iterator[Scope]:
        """The scope of a root, made if it is new, for us alone; made again if another process forgot it while we waited."""
        while True:
            row = scopes.ensure(self._db, root)
            with self._locked(row.id, waiting):
                now = scopes.find(self._db, root)
                if now is not None and now.id == row.id:
                    yield Scope(row.id, row.root)
                    return

    @contextmanager
    def _locked(self, name: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a lock of this data directory, against other processes and other threads of this one."""
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(self.folder / "locks" / f"{name}.lock", waiting=waiting))
            except OSError as e:
                raise _not_written(self.folder, e) from e
            yield

    def search(self, caller: Caller, roots: Sequence[str], request: Request) -> Answer:
        """Answer a request over folders that were indexed (one at least). Raises what `check` raises; NotIndexed."""
        check(request)
        healed = 0
        for _ in range(ATTEMPTS):
            among = [self._scope(caller, root) for root in roots]
            name = self._profile_of(among)
            try:
                store = self._store(name)
                coverage = [self._coverage(store, scope) for scope in among]
                return self._told(search(request, self._db, store, store, among, coverage))
            except StoreDamaged as e:
                healed = self._heal(name, e, healed)
                for root in roots:
                    self.index(caller, root, consent=True)
        raise StoreUnreachable(f"The index in {self.folder} is replaced by other processes again and again; try again later.")

    def _told(self, answer: Answer) -> Answer:
        said = self.told()
        return replace(answer, degraded=(*said, *answer.degraded)) if said else answer

    def _profile_of(self, among: Sequence[Scope]) -> str:
        """The profile that answers for all of these scopes: theirs, while they have one in common that is there; else this program's."""
        names = {g.profile for scope in among if (g := generations.current(self._db, scope.id, KIND)) is not None}
        return names.pop() if len(names) == 1 else profile()

    def _coverage(self, store: LocalStore, scope: Scope) -> Coverage:
        row = scopes.find(self._db, scope.root)
        if row is None:
            raise NotIndexed(f"{scope.root} was forgotten by another process just now.", root=scope.root)
        skipped = manifests.skipped(self._db, scope.id)
        generation = generations.current(self._db, scope.id, KIND)
        return Coverage(
            root=scope.root,
            generation=generation.number if generation else 0,
            age_s=None if row.indexed_at is None else round(max(0.0, time.time() - row.indexed_at), 3),
            indexed=store.count_files(scope.id),
            known=row.known,
            skipped=skipped,
        )

    def read(self, caller: Caller, roots: Sequence[str], *, hit_id: str | None = None, path: str | None = None,
             start: int | None = None, end: int | None = None, around: int = 0) -> Lines:  # fmt: skip
        """Lines of a file as it is now, masked: of a hit (`hit_id`), or `start`..`end` of `path`; `around` adds lines on both sides.

        Raises UsageError where neither or both are given or the range lies outside the file; NotIndexed where the file is not in the index.
        """
        if (hit_id is None) == (path is None):
            raise UsageError("Give either the id of a hit or a path.")
        if hit_id is not None and (start, end) != (None, None):
            raise UsageError("First and last line go with a path; with the id of a hit, ask for lines around it.")
        if around < 0:
            raise UsageError(f"around must not be negative, not {around}.")
        among = [self._scope(caller, root) for root in roots]
        store = self._store(self._profile_of(among))
        symbol = ""
        if hit_id is not None:
            passage = store.find([s.id for s in among], _number(hit_id))
            if passage is None:
                raise NotIndexed(f"No passage has the id {hit_id} any more: its lines have changed. Search again, or read by path and lines.")
            path, symbol = passage.path, passage.symbol
            scope = next(s for s in among if store.file(s.id, passage.path) is not None)
            text = self._text_now(scope, path)
            at = _locate(text, passage.text, passage.first)
            if at is None:
                raise NotIndexed(f"The lines of {hit_id} have changed since it was found; search again, or read {path} by lines.")
            start, end = at, at + passage.text.count("\n")
        else:
            assert path is not None
            path = _inside(path)
            scope = self._scope_with(among, store, path)
            text = self._text_now(scope, path)
        lines = text.split("\n")
        total = len(lines) - (not lines[-1])
        if not total:
            raise UsageError(f"{path} is empty now.")
        first = 1 if start is None else start
        last = min(total, first + READ_LINES - 1) if end is None else end
        if not 1 <= first <= min(last, total):
            raise UsageError(f"{path} has {total} lines, and {first}-{last} are none of them; ask for lines between 1 and {total}.")
        first, last = max(1, first - around), min(total, last + around)
        masked = core.mask(text)
        shown = "\n".join(masked.text.split("\n")[first - 1 : last])
        return Lines(scope.root, path, first, last, total, shown, shown != "\n".join(lines[first - 1 : last]), symbol)

    def _scope_with(self, among: Sequence[Scope], store: LocalStore, path: str) -> Scope:
        """The first scope that holds `path`."""
        for scope in among:
            if store.file(scope.id, path) is not None:
                return scope
        for scope in among:
            verdict = self.why_not(scope, path)
            if verdict is not None:
                raise NotIndexed(f"{path} is not in the index of {scope.root}: {verdict}")
        raise NotIndexed(f"{path} is not in the index of {', '.join(s.root for s in among)}; paths are relative to the root.")

    def _text_now(self, scope: Scope, path: str) -> str:
        try:
            data = core.read_now(scope.root, path, self._limit(scope.root))
        except OSError as e:
            raise NotIndexed(f"{path} in {scope.root} cannot be read now ({e.strerror}).") from e
        return core.decode(data)

    def why_not(self, scope: Scope, path: str) -> str | None:
        """In words, why `path` is not searchable in a scope; None where nothing is known of it."""
        row = manifests.find(self._db, scope.id, path)
        if row is not None and row.reasons[0] is not None:
            return core.REASONS.get(row.reasons[0], row.reasons[0])
        if not os.path.lexists(os.path.join(scope.root, path)):
            return None
        if path == ".":
            return FOLDER
        if core.secrets_file(path):
            return core.REASONS["secrets-file"]
        verdict = core.explain_ignored(scope.root, path)
        if not verdict.ignored:
            full = os.path.join(scope.root, path)
            return FOLDER if os.path.isdir(full) and not os.path.islink(full) else "new since the last run of: groma index"
        return f"ignored by the pattern {verdict.pattern!r}" + (f" ({verdict.source}:{verdict.line})" if verdict.line else "")

    def why(self, caller: Caller, root: str, path: str) -> Why:
        """Why a file of an indexed folder is or is not searchable. Raises NotIndexed, UsageError where there is no such file in it."""
        scope = self._scope(caller, root)
        path = _inside(path)
        store = self._store(self._profile_of([scope]))
        detail = store.detail(scope.id, path)
        if detail is not None:
            record = detail.record
            outline = tuple((name, kind, line, signature) for name, (kind, line, signature, _) in zip(record.symbols, detail.outline, strict=True))
            return Why(
                path=path,
                indexed=True,
                reason="indexed",
                language=record.language,
                lines=record.lines,
                chunks=record.chunks,
                symbols=outline,
                imports=record.imports,
                calls=detail.calls,
                note=record.note,
            )
        reason = self.why_not(scope, path)
        if reason is None:
            raise UsageError(f"There is no {path} in {root}.")
        if reason == FOLDER:
            below = "" if path == "." else path + "/"
            files = sum(p.startswith(below) for p, _, _, _ in store.scan(scope.id))
            return Why(path, files > 0, f"{FOLDER}; {files} files in it are indexed", None, 0, 0, (), (), (), None)
        return Why(path, False, reason, None, 0, 0, (), (), (), None)

    def status(self, caller: Caller, root: str | None = None) -> list[ScopeStatus]:
        """Every scope the caller may see, or the one of `root`."""
        if root:
            return [self._status_of(self._scope(caller, root))]
        found = []
        for row in self._visible(caller):
            with suppress(NotIndexed):  # another process forgot it while we looked
                found.append(self._status_of(Scope(row.id, row.root)))
        return found

    def _visible(self, caller: Caller) -> list[Any]:
        return [s for s in scopes.all(self._db) if caller.scopes is None or s.id in caller.scopes]

    def _status_of(self, scope: Scope) -> ScopeStatus:
        store = self._store(self._profile_of([scope]))
        coverage = self._coverage(store, scope)
        row = scopes.find(self._db, scope.root)
        languages: dict[str, int] = {}
        chunks = 0
        for _, _, language, n in store.scan(scope.id):
            languages[language or "text"] = languages.get(language or "text", 0) + 1
            chunks += n
        finished = row is not None and row.indexed_at is not None and row.started_at is None
        return ScopeStatus(
            root=scope.root,
            files=coverage.indexed,
            chunks=chunks,
            languages=dict(sorted(languages.items(), key=lambda x: (-x[1], x[0]))),
            skipped=dict(coverage.skipped),
            generation=coverage.generation,
            age_s=coverage.age_s,
            stale_files=self._stale(scope),
            finished=finished,
        )

    def _stale(self, scope: Scope) -> int:
        """How many files were added, changed or removed since the last run."""
        manifest = manifests.load(self._db, scope.id)
        try:
            limit = self._limit(scope.root)
        except ConfigurationError:  # for an index run there to say; it must not hide the state of every other folder
            limit = self.settings.max_file_bytes
        try:
            listing = core.walk(scope.root, known_of(manifest), max_file_bytes=limit)
        except OSError:  # the folder is gone, or closed to us
            return sum(r is None for r in manifest.reasons)
        before = dict(zip(manifest.paths, manifest.blobs, strict=True))
        now = dict(zip(listing.paths, listing.blobs, strict=True))
        skipped = {path for path, _ in listing.skipped}
        return sum(before.get(p) != b for p, b in now.items()) + sum(p not in now and p not in skipped for p in before)

    def forget(self, caller: Caller, root: str) -> str:
        """Remove a folder from the index; what no other scope needs is wiped. Returns its root."""
        _may(caller, "forget")
        scope = self._scope(caller, root)
        name = self._profile_of([scope])
        with self._locked(scope.id):
            scopes.begin_run(self._db, scope.id)  # what is half forgotten is unfinished, not damaged
            self._on_store(name, lambda store: store.detach(scope.id))
            scopes.delete(self._db, scope.id)
        return scope.root

    def verify(self, caller: Caller, root: str | None = None) -> tuple[int, list[str]]:
        """Check the whole data directory, or what answers for one folder: the number of scopes looked at, and every problem found."""
        if not (self.folder / "catalogue.db").exists():
            return 0, []
        problems: list[str] = []
        try:
            problems += self._db.verify()
            rows = [self._scope(caller, root)] if root else [Scope(s.id, s.root) for s in self._visible(caller)]
            names: dict[str, list[Scope]] = {}
            for scope in rows:
                names.setdefault(self._profile_of([scope]), []).append(scope)
            for name, members in names.items():
                problems += self._verify_store(name, members)
        except CatalogueDamaged as e:
            return 1, [*problems, e.message]
        return len(rows), problems

    def _verify_store(self, name: str, members: Sequence[Scope]) -> list[str]:
        problems: list[str] = []
        for _ in range(ATTEMPTS):
            try:
                store = self._store(name)
                problems = store.verify() + [problem for scope in members for problem in self._disagreements(store, scope)]
            except StoreDamaged as e:
                return [e.message]
            if not problems or not store.replaced:  # else what we looked at is another process's old one
                break
        return problems

    def _disagreements(self, store: LocalStore, scope: Scope) -> list[str]:
        """What the manifest of a finished run says is searchable and the store does not have. An unfinished run is no damage."""
        row = scopes.find(self._db, scope.root)
        if row is None or row.indexed_at is None or row.started_at is not None:
            return []
        manifest = manifests.load(self._db, scope.id)
        said = {(p, b) for p, b, r in zip(manifest.paths, manifest.blobs, manifest.reasons, strict=True) if r is None}
        has = {(p, b) for p, b, _, _ in store.scan(scope.id)}
        lost = sorted(p for p, _ in said - has)
        if scopes.find(self._db, scope.root) != row:
            return []  # a run began while we looked
        named = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        return [f"{scope.root}: {len(lost)} files of the manifest are not in the index ({named})"] if lost else []

    def rebuild(self, caller: Caller, root: str | None, *, report: Callable[[Progress], None] = lambda _progress: None) -> list[tuple[str, Summary]]:
        """Build the index of one folder, or of all, anew from the files; a damaged catalogue is set aside first.

        Folders that cannot be read now keep their place in the catalogue, and `told` names them. Raises NotIndexed if there is none,
        CatalogueDamaged if the list of folders is lost and `root` does not name one.
        """
        _may(caller, "rebuild")
        visible: list[scopes.Scope] = []
        try:
            visible = self._visible(caller)
            problems = self._db.verify()
        except CatalogueDamaged as e:
            problems = [str(e.context.get("detail", e.message))]
        lost = self._set_aside_catalogue(problems[0].removeprefix("catalogue: ")) if problems else None
        roots = [root] if root else [s.root for s in visible if os.access(s.root, os.R_OK | os.X_OK)]
        if lost is not None and not roots:
            raise CatalogueDamaged(f"{lost}, and with it the list of indexed folders; for each of them run: groma rebuild PATH")
        if lost is not None:
            self._healed.append(f"{lost}; folders that are not rebuilt now must be indexed again")
        closed = [s.root for s in visible if not root and s.root not in roots]
        if not roots and closed:
            raise Refused(f"None of the indexed folders can be read now: {', '.join(closed)}. To remove one for good run: groma forget PATH")
        if not roots:
            raise NotIndexed("Nothing has been indexed; run: groma index PATH")
        self._healed += [f"{one} cannot be read now; it is indexed again when it is asked for" for one in closed]
        known = {s.root for s in visible}
        rows = [s for s in visible if root in (None, s.root)] if lost is None else []
        self._empty(rows, whole=lost is not None or len(rows) == len(scopes.all(self._db)))
        done = []
        for one in roots:
            summary = self.index(caller, one, consent=one in known, report=report)
            if (row := scopes.find(self._db, one)) is not None:
                generations.flip(self._db, row.id, KIND, profile())
            done.append((one, summary))
        return done

    def _empty(self, rows: Sequence[scopes.Scope], *, whole: bool) -> None:
        """Take some scopes out of the store, or all that is in it. From here on they are unfinished, so that no crash makes this a damage."""
        name = profile()
        with ExitStack() as held:
            for row in sorted(rows, key=lambda row: row.id):  # all in one order, so that no two processes wait for one another
                held.enter_context(self._locked(row.id))
                scopes.begin_run(self._db, row.id)
            if whole:
                held.enter_context(self._lock)
                held.enter_context(self._locked(f"store-{name}"))
                self._let_go(name)
                self._unfinish()
                try:
                    remove_store(self.folder, name)
                except OSError as e:
                    raise _not_written(self.folder, e) from e
                self._unfinish()
                return
            for row in rows:
                self._on_store(name, partial(LocalStore.detach, scope=row.id))

    def _set_aside_catalogue(self, why: str) -> str:
        """Keep a copy of a damaged catalogue and make room for a new one; returns what happened, in words."""
        self.close()
        aside = f"catalogue.db.damaged-{_stamp()}"
        try:
            for path in self.folder.glob("catalogue.db*"):
                if ".damaged-" not in path.name:
                    os.replace(path, path.with_name(path.name.replace("catalogue.db", aside, 1)))
        except OSError as e:
            raise _not_written(self.folder, e) from e
        return f"the catalogue was damaged ({why}) and set aside as {aside}"

    def told(self) -> list[str]:
        """What was healed since the last look, a sentence each."""
        with self._lock:
            said = [*self._healed, *(note for store in self._stores.values() for note in store.notes)]
            self._healed.clear()
            for store in self._stores.values():
                store.notes.clear()
        return said

    @property
    def core(self) -> str:
        """The core in use."""
        return core.NAME

    @property
    def core_why(self) -> str:
        """Why the core in use is not the compiled one; "" where it is."""
        return core.WHY

    @property
    def model_id(self) -> str:
        """The identity of the embedder in use."""
        return core.static_id()

    def broken_grammars(self) -> list[str]:
        """Languages whose grammar or query does not load."""
        return core.broken_languages()

    def roots(self, caller: Caller) -> list[str]:
        """The roots of all scopes the caller may see."""
        return [s.root for s in self._visible(caller)]

    def disk_bytes(self) -> int:
        """The size of everything in the data directory."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):  # another process merges and sweeps while we look
                total += path.stat().st_size if path.is_file() else 0
        return total


def remove_store(folder: Path, name: str) -> None:
    """Delete a store's files; it is a projection."""
    for path in (folder / f"store-{name}.db", folder / f"store-{name}.db-wal", folder / f"store-{name}.db-shm"):
        path.unlink(missing_ok=True)
    segment = folder / f"segment-{name}"
    if segment.is_dir():
        for path in segment.iterdir():
            if ".damaged-" not in path.name:
                path.unlink()


def _may(caller: Caller, verb: str) -> None:
    if "owner" not in caller.roles:
        raise Refused(f"{caller.name} may not {verb} here.")


def _stamp() -> str:
    """A name for a damaged copy: when, and something that no other one of the same second has."""
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}"


def _not_written(folder: Path, e: OSError) -> GromaError:
    if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"No room left in {folder}; free some space and run the same command again.")
    if e.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return ReadOnly(f"The data directory {folder} cannot be written; change its permissions or set GROMA_DATA_DIR.")
    return StoreUnreachable(f"The data directory {folder} cannot be used: {e.strerror}.")


def _inside(path: str) -> str:
    """A path below a root, in the one way that it is written in the index."""
    clean = posixpath.normpath(path.replace(os.sep, "/"))
    if clean.startswith(("/", "../")) or clean == "..":
        raise UsageError(f"{path} lies outside of the folder; paths are relative to its root.")
    return clean.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")  # as the walk names what is not UTF-8


def _number(hit_id: str) -> int:
    try:
        number = int(hit_id, 16)
        if len(hit_id) != 16 or number >> 63:
            raise ValueError
        return number
    except ValueError:
        raise UsageError(f"{hit_id!r} is no id of a hit; ids are 16 hexadecimal digits, as search prints them.") from None


def _locate(text: str, wanted: str, first: int) -> int | None:
    """The line at which the (masked) text of a passage stands in a file now, nearest to where it stood."""
    lines = core.mask(text).text.split("\n")
    block = wanted.split("\n")
    found = [i + 1 for i in range(len(lines) - len(block) + 1) if lines[i] == block[0] and lines[i : i + len(block)] == block]
    return min(found, key=lambda at: (abs(at - first), at), default=None)


def check(request: Request) -> None:
    """Raises UsageError for an empty query, a number of results below 1 or above 100, or an unknown kind or language."""
    if not request.text.strip():
        raise UsageError("The query is empty; say what you look for.")
    if request.k < 1 or request.k > 100:
        raise UsageError(f"The number of results must lie between 1 and 100, not {request.k}.")
    known = set(KIND_GROUPS).union(*KIND_GROUPS.values())
    if unknown := request.filter.kinds - known:
        raise UsageError(f"Unknown kind {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}.")
    languages = core.all_languages()
    if strange := request.filter.languages - set(languages):
        raise UsageError(f"Unknown language {', '.join(sorted(strange))}; known: {', '.join(sorted(languages))}.")
