"""The engine: opens, wires and closes; its methods are the verbs every face calls, each with the `Caller` who asks.

It is synchronous and may be shared by threads. It is the one place that knows which catalogue, store and scopes belong together, and the one
place where the scope filter of a caller is applied.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import core
from .catalogue import generations, manifests, scopes
from .catalogue.anchors import anchored_paths
from .catalogue.database import Database
from .config import Settings, within
from .data import ATTEMPTS, DataDirectory
from .errors import CatalogueDamaged, ConfigurationError, NotIndexed, ReadOnly, Refused, RefusedRoot, StoreDamaged, StoreUnreachable, UsageError
from .filters import KIND_GROUPS
from .indexing.pipeline import index
from .indexing.plan import known_of
from .places import is_wide
from .reading import read, why
from .search.pipeline import search
from .stores.local import FORMAT as STORE_FORMAT
from .stores.local import LocalStore
from .types import Answer, Caller, Coverage, Lines, Progress, Request, Scope, ScopeStatus, Summary, Why
from .values import value

if TYPE_CHECKING:
    from .jobs import Jobs
    from .memories import Memories

__all__ = ["Engine", "check", "profile"]

KIND = "code"
"""The kind of generation this engine has so far."""


@cache
def profile() -> str:
    """The name of what stores are made of: chunker, tokens, weights, vectors, store. Another one means another store file."""
    parts = (core.CHUNKER_VERSION, core.TOKENS_VERSION, core.PASSAGE_VERSION, core.static_id(), "local", STORE_FORMAT)
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


@value
class _Known:
    """What the catalogue knows of one scope."""

    row: scopes.Scope
    generation: generations.Generation | None
    skipped: Mapping[str, int]


def _ask(db: Database, root: str) -> _Known | None:
    row = scopes.find(db, root)
    return None if row is None else _Known(row, generations.current(db, row.id, KIND), manifests.skipped(db, row.id))


class Engine:
    """Use as a context manager, or call `close`."""

    def __init__(self, settings: Settings) -> None:
        """Opens nothing yet but makes sure the data directory exists. Raises ReadOnly if it cannot be made."""
        self.settings = settings
        self.folder = settings.data_dir
        self._data = DataDirectory(settings.data_dir, read_only=settings.read_only)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        if "jobs" in self.__dict__:
            self.jobs.close()
        self._data.close()

    def under(self, settings: Settings) -> Engine:
        """The same engine, with what is open in it, under other settings of the same data directory: each session of a daemon has its own."""
        if (settings.values, settings.demanded) == (self.settings.values, self.settings.demanded):
            return self
        other = copy(self)
        other.settings = settings
        other.__dict__.pop("jobs", None)  # they, too, ask whether this one may write
        other.__dict__["memories"] = self.memories.under(settings, other._may_write)
        return other

    def slim(self, *, keep: int) -> None:
        """Let go of memory: of caches, of all stores but the `keep` that were used last, and with `keep` 0 of the index of memories.

        No verb may be running where stores have to go (`keep` smaller than what is open); whatever is asked next opens them again.
        """
        self._data.slim(keep=keep)
        if not keep and "memories" in self.__dict__:
            self.memories.slim()

    @cached_property
    def memories(self) -> Memories:
        """The verbs of memory."""
        from .memories import Memories  # most commands need none of its rooms

        return Memories(self._data, self.settings, self._may_write)

    @cached_property
    def jobs(self) -> Jobs:
        """The verbs of work in the background."""
        from .jobs import Jobs

        return Jobs(self._data, self.settings, self._may_write, self.may_index, self.roots)

    # ------------------------------------------------------------------------------------------------------------------- wiring

    def _may_write(self, caller: Caller, verb: str) -> None:
        """Raises what keeps this caller from it; the security log takes the attempt, where it can be written."""
        if (why := self._why_not(caller, verb)) is None:
            return
        from .memory.guard.log import refused  # only who is refused pays for it

        refused(self.folder, "read-only" if isinstance(why, ReadOnly) else "unauthorised", caller.name, verb)
        raise why

    def _why_not(self, caller: Caller, verb: str) -> Refused | ReadOnly | None:
        if "owner" not in caller.roles:
            return Refused(f"{caller.name} may not {verb} here.")
        if self.settings.read_only:
            origin = self.settings.origins["read_only"]
            return ReadOnly(f"groma is read-only here (read_only is set by {origin}), so it does not {verb}.")
        return None

    def limit(self, root: str) -> int:
        """The largest file that is indexed in a folder under these settings, in bytes: its own `.groma.toml` has a say."""
        return within(self.settings, Path(root)).max_file_bytes

    def _known(self, caller: Caller, root: str) -> _Known:
        """What the catalogue knows of a folder that was indexed, if this caller may see it."""
        known = self._remembered(root)
        if known is None or (caller.scopes is not None and known.row.id not in caller.scopes):
            raise NotIndexed(f"{root} has not been indexed; run: groma index {root}", root=root)
        return known

    def _remembered(self, root: str) -> _Known | None:
        return self._data.db.remembered(("known", root), lambda: _ask(self._data.db, root))

    def _scope(self, caller: Caller, root: str) -> Scope:
        """The scope of a folder that was indexed, if this caller may see it."""
        row = self._known(caller, root).row
        return Scope(row.id, row.root)

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
        self._may_write(caller, "index")
        self.may_index(caller, root, consent)
        limit = self.limit(root)
        name = profile()
        with self._data.claimed(root, waiting) as scope:

            def run(store: LocalStore) -> Summary:
                summary = index(self._data.db, store, scope, max_file_bytes=limit, report=report)
                if store.replaced:  # after the last write to it
                    raise StoreDamaged(f"{store.path.name} was replaced by another process")
                return summary

            result = self._data.on_store(name, run)
            current = generations.current(self._data.db, scope.id, KIND)
            if current is None or current.profile != name:
                generations.flip(self._data.db, scope.id, KIND, name)
        return result

    def may_index(self, caller: Caller, root: str, consent: bool = False) -> None:
        """Raises what `index` raises at once, without a look at what is in the folder."""
        if (why := self._why_not(caller, "index")) is not None:  # who asks a question has attempted nothing
            raise why
        if caller.scopes is not None:
            self._scope(caller, root)  # who may see some folders only adds none to them
        if not os.path.isabs(root) or "\0" in root:
            raise UsageError(f"A folder is named by an absolute path, not {root!r}.")
        if not os.access(root, os.R_OK | os.X_OK):
            raise Refused(f"{root} cannot be read; check its permissions.", root=root)
        if not consent and self._remembered(root) is None and is_wide(root):  # a question asks this each time, and most are about what is known
            raise RefusedRoot(
                f"{root} is too wide to index by accident; give a project's folder, or if you mean it run: groma index --yes {root}", root=root
            )

    def freshen(
        self, caller: Caller, root: str, *, report: Callable[[Progress], None] = lambda _progress: None, waiting: Callable[[], None] | None = None
    ) -> list[str]:
        """Bring a folder up to date before a question about it, as cheaply as can be: here by an index run; what there is to say about it.

        Raises what `index` raises.
        """
        self.may_index(caller, root)
        self.index(caller, root, report=report, waiting=waiting)
        return []

    def check(self, caller: Caller, request: Request) -> None:
        """Raises what `search` would say against a request itself, before a whole folder is indexed for it."""
        check(request)

    def search(self, caller: Caller, roots: Sequence[str], request: Request) -> Answer:
        """Answer a request over folders that were indexed (one at least), with the memories that speak of what was found.

        Raises what `check` raises; NotIndexed.
        """
        check(request)
        healed = 0
        for _ in range(ATTEMPTS):
            known = [self._known(caller, root) for root in roots]
            among = [Scope(one.row.id, one.row.root) for one in known]
            name = self._one_profile(known)
            try:
                store = self._data.store(name)
                with store.steady():
                    coverage = [self._coverage(store, one) for one in known]
                    answer = search(request, self._data.db, store, store, among, coverage)
                return self._told(self._reminded(caller, answer))
            except StoreDamaged as e:
                healed = self._data.heal(name, e, healed)
                for root in roots:
                    self.index(caller, root, consent=True)
        raise StoreUnreachable(f"The index in {self.folder} is replaced by other processes again and again; try again later.")

    def _told(self, answer: Answer) -> Answer:
        said = self._data.told()
        return replace(answer, degraded=(*said, *answer.degraded)) if said else answer

    def _reminded(self, caller: Caller, answer: Answer) -> Answer:
        """With the memories that are anchored to what was found; where there is none, nothing of memory is even imported."""
        paths = anchored_paths(self._data.db, (hit.path for hit in answer.hits))
        memories = self.memories.anchored(caller, [hit for hit in answer.hits if hit.path in paths]) if paths else ()
        return replace(answer, memories=memories) if memories else answer

    def _profile_of(self, among: Sequence[Scope]) -> str:
        """The profile that answers for all of these scopes."""
        found = (self._remembered(scope.root) for scope in among)
        return self._one_profile([known for known in found if known is not None])

    def _one_profile(self, among: Sequence[_Known]) -> str:
        """Theirs, while they have one in common that is there; else this program's."""
        names = {known.generation.profile for known in among if known.generation is not None}
        return names.pop() if len(names) == 1 else profile()

    def _coverage(self, store: LocalStore, known: _Known) -> Coverage:
        row = known.row
        return Coverage(
            root=row.root,
            generation=known.generation.number if known.generation else 0,
            age_s=None if row.indexed_at is None else round(max(0.0, time.time() - row.indexed_at), 3),
            indexed=store.count_files(row.id),
            known=row.known,
            skipped=known.skipped,
        )

    def read(self, caller: Caller, roots: Sequence[str], *, hit_id: str | None = None, path: str | None = None,
             start: int | None = None, end: int | None = None, around: int = 0) -> Lines:  # fmt: skip
        """Lines of a file as it is now, masked: of a hit (`hit_id`), or `start`..`end` of `path`; `around` adds lines on both sides.

        Raises UsageError where neither or both are given or the range lies outside the file; NotIndexed where the file is not in the index.
        """
        among = [self._scope(caller, root) for root in roots]
        store = self._data.store(self._profile_of(among))
        return read(self._data.db, store, among, self.limit, hit_id=hit_id, path=path, start=start, end=end, around=around)

    def why(self, caller: Caller, root: str, path: str) -> Why:
        """Why a file of an indexed folder is or is not searchable. Raises NotIndexed, UsageError where there is no such file in it."""
        scope = self._scope(caller, root)
        return why(self._data.db, self._data.store(self._profile_of([scope])), scope, path)

    def status(self, caller: Caller, root: str | None = None) -> list[ScopeStatus]:
        """Every scope the caller may see, or the one of `root`."""
        if root:
            return [self._status_of(self._scope(caller, root))]
        found = []
        for row in self._visible(caller):
            with suppress(NotIndexed):  # another process forgot it while we looked
                found.append(self._status_of(Scope(row.id, row.root)))
        return found

    def _visible(self, caller: Caller) -> list[scopes.Scope]:
        return [s for s in scopes.all(self._data.db) if caller.scopes is None or s.id in caller.scopes]

    def _status_of(self, scope: Scope) -> ScopeStatus:
        store = self._data.store(self._profile_of([scope]))
        known = _ask(self._data.db, scope.root)
        if known is None:
            raise NotIndexed(f"{scope.root} was forgotten by another process just now.", root=scope.root)
        coverage, row = self._coverage(store, known), known.row
        languages: dict[str, int] = {}
        chunks = 0
        for _, _, language, n in store.scan(scope.id):
            languages[language or "text"] = languages.get(language or "text", 0) + 1
            chunks += n
        finished = row.indexed_at is not None and row.started_at is None
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

    def extent(self, caller: Caller, root: str) -> tuple[int, Mapping[str, int]]:
        """How many chunks the last run over a folder left searchable, and how many files it left out, by reason; nothing is walked for it."""
        known = self._known(caller, root)
        return self._data.store(self._one_profile([known])).count_chunks(known.row.id), known.skipped

    def indexed_within(self, caller: Caller, root: str) -> int | None:
        """The limit of files (bytes) of the last run over a folder, if it came to its end and made what this program would; nothing is walked."""
        try:
            known = self._known(caller, root)
        except NotIndexed:
            return None
        is_ours = known.generation is not None and known.generation.profile == profile()
        return known.row.max_file_bytes if is_ours and known.row.started_at is None else None

    def files(self, caller: Caller, root: str, *, beginning: str = "", containing: str = "", after: str = "", limit: int = 1_000) -> list[str]:
        """Paths of the searchable files of a folder, by their bytes, at most `limit`: those after a path that begin so and hold a text.

        Raises NotIndexed.
        """
        scope = self._scope(caller, root)
        return manifests.searchable(self._data.db, scope.id, beginning=beginning, containing=containing, after=after, limit=limit)

    def _stale(self, scope: Scope) -> int:
        """How many files were added, changed or removed since the last run."""
        manifest = manifests.load(self._data.db, scope.id)
        try:
            limit = self.limit(scope.root)
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
        """Remove a folder from the index; what no other scope needs is wiped, and jobs that would fill it end. Returns its root."""
        self._may_write(caller, "forget")
        scope = self._scope(caller, root)
        name = self._profile_of([scope])
        for job in self.jobs.list(caller):  # else what waits would index it anew, and what runs be waited for to its end
            if job.root == root and job.kind in ("index", "rebuild") and not job.over:
                with suppress(UsageError):  # it is over now
                    self.jobs.cancel(caller, job.id)
        with self._data.locked(scope.id):
            scopes.begin_run(self._data.db, scope.id)  # what is half forgotten is unfinished, not damaged
            self._data.on_store(name, lambda store: store.detach(scope.id))
            scopes.delete(self._data.db, scope.id)
        return scope.root

    def verify(self, caller: Caller, root: str | None = None) -> tuple[int, list[str]]:
        """Check the whole data directory, or what answers for one folder: the number of scopes looked at, and every problem found."""
        from .catalogue import memories  # not on the way to a search

        if not (self.folder / "catalogue.db").exists():
            return 0, []
        problems: list[str] = []
        try:
            problems += self._data.db.verify()
            problems += [f"catalogue: {problem}" for problem in memories.problems(self._data.db)]
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
                store = self._data.store(name)
                problems = store.verify() + [problem for scope in members for problem in self._disagreements(store, scope)]
            except StoreDamaged as e:
                return [e.message]
            if not problems or not store.replaced:  # else what we looked at is another process's old one
                break
        return problems

    def _disagreements(self, store: LocalStore, scope: Scope) -> list[str]:
        lost = self._lost(store, scope)
        if lost and self._data.writable:
            with self._data.locked(scope.id):  # while no run of another process comes to its end
                lost = self._lost(store, scope)
        named = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        return [f"{scope.root}: {len(lost)} files of the manifest are not in the index ({named})"] if lost else []

    def _lost(self, store: LocalStore, scope: Scope) -> list[str]:
        """What the manifest of a finished run says is searchable and the store does not have. An unfinished run is no damage."""
        row = scopes.find(self._data.db, scope.root)
        if row is None or row.indexed_at is None or row.started_at is not None:
            return []
        manifest = manifests.load(self._data.db, scope.id)
        said = {(p, b) for p, b, r in zip(manifest.paths, manifest.blobs, manifest.reasons, strict=True) if r is None}
        has = {(p, b) for p, b, _, _ in store.scan(scope.id)}
        lost = sorted(p for p, _ in said - has)
        return lost if scopes.find(self._data.db, scope.root) == row else []  # else a run began while we looked

    def rebuild(self, caller: Caller, root: str | None, *, report: Callable[[Progress], None] = lambda _progress: None) -> list[tuple[str, Summary]]:
        """Build the index of one folder, or of all, anew from the files; a damaged catalogue is set aside first.

        Folders that cannot be read now keep their place in the catalogue, and `told` names them. Raises NotIndexed if there is none,
        CatalogueDamaged if the list of folders is lost and `root` does not name one.
        """
        self._may_write(caller, "rebuild")
        visible: list[scopes.Scope] = []
        try:
            visible = self._visible(caller)
            problems = self._data.db.verify()
        except CatalogueDamaged as e:
            problems = [str(e.context.get("detail", e.message))]
        lost = self._data.set_aside_catalogue(problems[0].removeprefix("catalogue: ")) if problems else None
        roots = [root] if root else [s.root for s in visible if os.access(s.root, os.R_OK | os.X_OK)]
        if lost is not None and not roots:
            raise CatalogueDamaged(f"{lost}, and with it the list of indexed folders; for each of them run: groma rebuild PATH")
        if lost is not None:
            self._data.healed.append(f"{lost}; folders that are not rebuilt now must be indexed again")
        closed = [s.root for s in visible if not root and s.root not in roots]
        if not roots and closed:
            raise Refused(f"None of the indexed folders can be read now: {', '.join(closed)}. To remove one for good run: groma forget PATH")
        if not roots:
            raise NotIndexed("Nothing has been indexed; run: groma index PATH")
        self._data.healed += [f"{one} cannot be read now; it is indexed again when it is asked for" for one in closed]
        known = {s.root for s in visible}
        rows = [s for s in visible if root in (None, s.root)] if lost is None else []
        self._data.empty(profile(), rows, whole=lost is not None or len(rows) == len(scopes.all(self._data.db)))
        done = []
        for one in roots:
            summary = self.index(caller, one, consent=one in known, report=report)
            if (row := scopes.find(self._data.db, one)) is not None:
                generations.flip(self._data.db, row.id, KIND, profile())
            done.append((one, summary))
        return done

    def maintain(
        self, caller: Caller, root: str | None = None, *, report: Callable[[Progress], None] = lambda _progress: None
    ) -> tuple[list[str], int, list[str]]:
        """Merge, sweep and write down what runs leave undone, of one folder or of all that is kept; safe at any time, also to leave out.

        Returns the folders, and if it was all: how many memories had expired and were forgotten, and which old stores nothing needs any more were
        removed. Raises NotIndexed for a folder that is not there.
        """
        self._may_write(caller, "maintain")
        among = [self._scope(caller, root)] if root else [Scope(s.id, s.root) for s in self._visible(caller)]
        for n, scope in enumerate(among):
            report(Progress("maintain", n, len(among)))
            with self._data.locked(scope.id):
                self._data.on_store(self._profile_of([scope]), partial(LocalStore.maintain, scope=scope.id))
        report(Progress("maintain", len(among), len(among)))
        roots = [scope.root for scope in among]
        if root or caller.scopes is not None:
            return roots, 0, []
        return roots, self.memories.maintain(caller), self._data.sweep({profile(), *generations.in_use(self._data.db)})

    def note(self, sentences: Sequence[str]) -> None:
        """Tell by `told`, too, what a job healed in a process of its own."""
        self._data.healed += sentences

    def told(self) -> list[str]:
        """What was healed since the last look, a sentence each."""
        return self._data.told()

    def disk_bytes(self) -> int:
        """The size of everything in the data directory."""
        return self._data.disk_bytes()

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

    def languages(self) -> list[str]:
        """The names of all languages that a search can be narrowed to."""
        return sorted(core.all_languages())

    def broken_grammars(self) -> list[str]:
        """Languages whose grammar or query does not load."""
        return core.broken_languages()

    def roots(self, caller: Caller) -> list[str]:
        """The roots of all scopes the caller may see."""
        return [s.root for s in self._visible(caller)]


def check(request: Request) -> None:
    """Raises UsageError for an empty query, a number of results below 1 or above 100, or an unknown kind or language."""
    if not request.text.strip():
        raise UsageError("The query is empty; say what you look for.")
    if request.k < 1 or request.k > 100:
        raise UsageError(f"The number of results must lie between 1 and 100, not {request.k}.")
    if not request.filter:
        return
    known = set(KIND_GROUPS).union(*KIND_GROUPS.values())
    if unknown := request.filter.kinds - known:
        raise UsageError(f"Unknown kind {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}.")
    languages = core.all_languages()
    if strange := request.filter.languages - set(languages):
        raise UsageError(f"Unknown language {', '.join(sorted(strange))}; known: {', '.join(sorted(languages))}.")
