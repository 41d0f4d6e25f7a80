"""Specs to locks: what `mergec lock` does. Weights on this disk are hashed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mergec.api.locking import lock_path, lock_pins, no_lock
from mergec.api.specs import compile_spec
from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import Bundle, Setting
from mergec.frozen import frozen
from mergec.plan import Plan, check_bundle, default_threads
from mergec.plan.lock import Lock, LockedSource, lock_of
from mergec.plan.lock_changes import Change, changes
from mergec.plan.lock_file import read_lock
from mergec.plan.lock_sources import sources_now
from mergec.plan.tool_version import tool_version
from mergec.shards.hash_files import Progress
from mergec.shards.locked_weights import with_digests
from mergec.syntax import read_spec


@frozen
class Locked:
    """A lock as it should be, the one that is there, None for none, and how they differ."""

    path: Path
    lock: Lock
    before: Lock | None
    changes: tuple[Change, ...]
    warnings: tuple[Diagnostic, ...]

    @property
    def differs(self) -> bool:
        """Whether the file has to be written."""
        return self.before != self.lock


def lock_spec(
    spec: Path,
    *,
    settings: Mapping[str, Setting] | None = None,
    upgrade: Sequence[str] = (),
    threads: int | None = None,
    cached: bool = True,
    progress: Progress = lambda _: None,
) -> Locked:
    """The lock of what the spec and its sources are now; writes nothing.

    A model on a hub stays at its commit if it is locked already, unless `upgrade` names it, by its
    label or by its name in the spec. With `upgrade` all other sources stay as they are locked,
    whatever they are now. KeyError for a name that is no source's. Raises what compiling,
    `read_lock` and `with_digests` raise.
    """
    place = lock_path(spec)
    before = _before(place)
    upgrade = _labels(spec, settings or {}, upgrade)
    pins = lock_pins(before, spec, settings or {}, upgrade)
    compiled = compile_spec(spec, settings=settings, pins=pins)
    sources = sources_now(compiled.plan, compiled.root)
    kept = _kept(before, sources, upgrade) if upgrade else {}
    fresh = {label: source for label, source in sources.items() if label not in kept}
    hashed = with_digests(
        compiled.plan, fresh, threads or default_threads(), progress, look=False, cached=cached
    )
    lock = lock_of(compiled.plan, tool_version(), {**hashed, **kept})
    found = changes(before, lock, tool_version()) if before is not None else ()
    return Locked(place, lock, before, found, compiled.warnings)


def check_lock(
    spec: Path,
    *,
    settings: Mapping[str, Setting] | None = None,
    threads: int | None = None,
    cached: bool = True,
    progress: Progress = lambda _: None,
) -> Locked:
    """How the lock of a spec differs from what is there, weights on this disk among it.

    E870 if there is none.
    """
    place = lock_path(spec)
    before = _before(place)
    if before is None:
        raise no_lock(place)
    pins = lock_pins(before, spec, settings or {})
    compiled = compile_spec(spec, settings=settings, pins=pins)
    sources = sources_now(compiled.plan, compiled.root)
    now = _look(compiled.plan, sources, threads, progress, cached=cached)
    found = changes(before, now, tool_version())
    return Locked(place, now, before, found, compiled.warnings)


def _look(
    plan: Plan,
    sources: Mapping[str, LockedSource],
    threads: int | None,
    progress: Progress,
    *,
    cached: bool,
) -> Lock:
    number = threads or default_threads()
    hashed = with_digests(plan, sources, number, progress, look=True, cached=cached)
    return lock_of(plan, tool_version(), hashed)


def _before(place: Path) -> Lock | None:
    try:
        return read_lock(place)
    except MergecError as error:
        if error.diagnostics[0].code != "E701":
            raise
    return None


def _labels(spec: Path, settings: Mapping[str, Setting], names: Sequence[str]) -> tuple[str, ...]:
    """The labels of sources that are named by them, or as the spec does."""
    if not names:
        return ()
    checked = check_bundle(Bundle(read_spec(spec, str(spec)), spec.parent, settings))
    known = {checked.places.names.get(decl.key, ""): decl.label for decl in checked.sources}
    known |= {decl.label: decl.label for decl in checked.sources}
    return tuple(known[name] for name in names)


def _kept(
    before: Lock | None, sources: Mapping[str, LockedSource], upgrade: Sequence[str]
) -> dict[str, LockedSource]:
    """The locked sources that the spec still names so, but those that are to be upgraded."""
    kept: dict[str, LockedSource] = {}
    for label, locked in before.sources.items() if before is not None else ():
        here = sources.get(label)
        same = here is not None and (here.ref, here.rev, here.kind) == (
            locked.ref,
            locked.rev,
            locked.kind,
        )
        if same and label not in upgrade:
            kept[label] = locked
    return kept
