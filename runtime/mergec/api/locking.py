"""Specs and their locks: what a lock pins, and what differs from it. Reads no weight."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from mergec.api.specs import CompiledSpec, check_spec, compile_spec, load_plan
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, escape, fail
from mergec.elaborate import Bundle, Setting
from mergec.frozen import frozen
from mergec.plan import Plan, check_bundle
from mergec.plan.bind_programs import Watch
from mergec.plan.compile import Tell
from mergec.plan.lock import SUFFIX, Lock, lock_of
from mergec.plan.lock_changes import Change, changes, file_difference
from mergec.plan.lock_file import read_lock
from mergec.plan.lock_sources import sources_now
from mergec.plan.tool_version import tool_version
from mergec.syntax import read_spec

_SHOWN = 12


@frozen
class LockFile:
    """A lock and where it stands; `cached` if what was hashed before need not be hashed again."""

    path: Path
    lock: Lock
    cached: bool = field(default=True, compare=False)


def lock_path(spec: Path) -> Path:
    """Where the lock of a spec stands: beside it, `.lock` behind its name."""
    return spec.with_name(spec.name + SUFFIX)


def compile_locked(
    spec: Path,
    *,
    settings: Mapping[str, Setting] | None = None,
    without: Sequence[str] = (),
    must: bool = False,
    cached: bool = True,
) -> tuple[CompiledSpec, LockFile | None]:
    """The plan of a spec, or of a plan file, by its lock, and the lock, if there is one.

    E870 if there `must` be one and is none, E872 and E873 if it does not match what the spec and
    the headers and small files of its sources are now, and what `read_lock` raises. Weights are
    compared as they are read: see `guard_readers`.
    """
    if spec.suffix == ".json":
        compiled = load_plan(spec)
        place = lock_path(spec.with_name(Path(compiled.source.name).name or spec.name))
        known = _known(place, must=must)
    else:
        place = lock_path(spec)
        known = _known(place, must=must)
        pins = lock_pins(known, spec, settings or {})
        compiled = compile_spec(spec, settings=settings, without=without, pins=pins)
    if known is None:
        return compiled, None
    _require(place, changes(known, lock_now(compiled.plan, compiled.root), tool_version()))
    _require_copies(place, known, compiled.plan)
    return compiled, LockFile(place, known, cached)


def compile_beside_lock(
    spec: Path,
    *,
    settings: Mapping[str, Setting],
    without: Sequence[str],
    watch: Watch | None,
) -> CompiledSpec:
    """The plan of a spec at the commits of its lock, if it has one; W871 if that does not match."""
    known = _known(lock_path(spec))
    compiled = compile_spec(
        spec,
        settings=settings,
        without=without,
        watch=watch,
        pins=lock_pins(known, spec, settings),
    )
    found = _outdated(lock_path(spec), known, compiled.plan, compiled.root)
    return replace(compiled, warnings=(*compiled.warnings, *found))


def check_beside_lock(
    spec: Path, *, settings: Mapping[str, Setting], tell: Tell
) -> tuple[Diagnostic, ...]:
    """What `check_spec` finds, at the commits of the lock if there is one, and W871."""
    place = lock_path(spec)
    known = _known(place)
    return check_spec(
        spec,
        settings=settings,
        tell=tell,
        pins=lock_pins(known, spec, settings),
        look=lambda plan: _outdated(place, known, plan, spec.parent),
    )


def lock_pins(
    lock: Lock | None, spec: Path, settings: Mapping[str, Setting], but: Sequence[str] = ()
) -> dict[str, str]:
    """The commits that a lock says, by label, for the sources that the spec still names so.

    `but` are labels that are to move.
    """
    if lock is None or not any(source.commit for source in lock.sources.values()):
        return {}
    declared = check_bundle(Bundle(read_spec(spec, str(spec)), spec.parent, settings)).sources
    pins: dict[str, str] = {}
    for decl in declared:
        locked = lock.sources.get(decl.label)
        same = locked is not None and (locked.ref, locked.rev) == (decl.ref, decl.rev)
        if locked is not None and same and locked.commit and decl.label not in but:
            pins[decl.label] = locked.commit
    return pins


def lock_now(plan: Plan, root: Path) -> Lock:
    """The lock that a plan would have, the digests of weights left out."""
    return lock_of(plan, tool_version(), sources_now(plan, root))


def _known(place: Path, *, must: bool = False) -> Lock | None:
    try:
        return read_lock(place)
    except MergecError as error:
        if error.diagnostics[0].code != "E701":
            raise
    if must:
        raise no_lock(place)
    return None


def no_lock(place: Path) -> MergecError:
    """E870: there is no lock at `place`."""
    return fail(
        "E870",
        f"there is no lock {quoted(place)}",
        help=f"make it with `mergec lock {escape(place.name.removesuffix(SUFFIX))}`",
    )


def _outdated(place: Path, known: Lock | None, plan: Plan, root: Path) -> tuple[Diagnostic, ...]:
    if known is None:
        return ()
    found = changes(known, lock_now(plan, root), tool_version())
    if not found:
        return ()
    return (
        Diagnostic(
            "W871",
            f"{quoted(place)} does not match, and `mergec run` will refuse",
            None,
            notes=_lines(found),
            help=(_remedy(place),),
        ),
    )


def _require(place: Path, found: Sequence[Change]) -> None:
    """E872, else E873, with all that differs."""
    stale = [change for change in found if change.kind == "stale"]
    if stale:
        raise fail(
            "E872",
            f"{quoted(place)} is not the lock of what the spec asks for now",
            notes=_lines(stale),
            help=(_remedy(place), "or run without it: `--unlocked`"),
        )
    if found:
        raise fail(
            "E873",
            f"the sources are not those of {quoted(place)}",
            notes=_lines(found),
            help=("put the locked files back", _remedy(place)),
        )


def _require_copies(place: Path, lock: Lock, plan: Plan) -> None:
    """E873 unless the small files that will be copied are the locked ones; the plan has digests."""
    found: list[Change] = []
    for export in plan.exports:
        for small in export.files:
            locked = lock.sources[small.source].files.get(small.name)
            if locked is None:
                found.append(Change("bytes", "+", f"{quoted(small.name)} of `{small.source}`"))
            elif text := file_difference(locked, replace(locked, sha256=small.digest)):
                what = f"{quoted(small.name)} of `{small.source}` {text}"
                found.append(Change("bytes", "~", what))
    _require(place, found)


def _lines(found: Sequence[Change]) -> tuple[str, ...]:
    lines = [f"{change.mark} {change.text}" for change in found[:_SHOWN]]
    left = len(found) - _SHOWN
    return (*lines, *([f"and {left:,} more"] if left > 0 else []))


def _remedy(place: Path) -> str:
    spec = escape(place.name.removesuffix(SUFFIX))
    return f"bring it up to date with `mergec lock {spec}`, and review what changed"
