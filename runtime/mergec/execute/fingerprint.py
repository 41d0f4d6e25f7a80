"""What the bytes of a result depend on, so that a run can tell whether another made the same."""

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.execute.origin import Origin
from mergec.execute.version import tool_version
from mergec.plan import Plan, source_table
from mergec.plan.model import PlanSource

SCHEMA = "mergec.journal/1"
_LIBRARIES = {
    "reference": ("numpy",),
    "native": ("numpy", "llvmlite"),
    "torch": ("torch",),
    "jax": ("jax", "jaxlib"),
}

Fingerprint = Mapping[str, Any]


def fingerprint(plan: Plan, plan_hash: str, origin: Origin) -> Fingerprint:
    """What stands at the head of a journal, as JSON has it.

    A file that a source has on this machine is known by its size, inode and time of change, as its
    bytes would have to be read; one on a hub or in a store by what that says of it. What a
    run that obeyed another lock read was not compared with this one's.
    """
    return {
        "journal": SCHEMA,
        "tool": tool_version(),
        "plan": plan_hash,
        "lock": origin.lock,
        "sources": {source.decl.label: _source(source) for source in plan.sources},
        "numbers": {
            "backend": origin.backend,
            "device": origin.device,
            **_libraries(origin.backend),
            **_processor(plan),
        },
    }


def differs(before: object, now: Fingerprint, partial: Path) -> MergecError:
    """E851: a run cannot go on with what another one left; says what is not as it was."""
    return _refused(partial, [*_differences(_table(before), now)])


def _differences(old: Mapping[str, object], now: Fingerprint) -> Iterator[str]:
    if old.get("journal") != SCHEMA or old.get("tool") != now["tool"]:
        yield f"it was begun by mergec {quoted(old.get('tool'))}, and this is `{now['tool']}`"
    for key, what in (("sources", "source"), ("numbers", "what computes:")):
        before = _table(old.get(key))
        for name in sorted({*before, *now[key]}):
            if before.get(name) != now[key].get(name):
                shown = "" if key == "sources" else _change(before.get(name), now[key].get(name))
                yield f"{what} {quoted(name)} changed{shown}"
    if old.get("lock") != now["lock"]:
        yield "it obeyed another lock, or one of the two runs obeys none"
    if old.get("plan") != now["plan"]:
        yield "the plan is another: the spec, its parameters or its passes changed"


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _change(before: object, now: object) -> str:
    return f" from {quoted(before)} to {quoted(now)}"


def _refused(partial: Path, changed: list[str]) -> MergecError:
    return fail(
        "E851",
        f"the run that left {quoted(partial)} cannot go on: something is not as it was",
        notes=changed or ["its journal has another form"],
        help=(
            "put back what changed, and resume again",
            "or begin anew without `--resume`; `mergec clean` removes what is left of the old run",
        ),
    )


def _source(source: PlanSource) -> dict[str, Any]:
    checkpoint = source.checkpoint
    told = source_table(source)
    if checkpoint.hub is not None or checkpoint.stored is not None:
        return {"stated": _digest(told)}
    states: dict[str, list[int]] = {}
    for shard in checkpoint.shards:
        try:
            found = os.stat(checkpoint.root / shard.name)
        except OSError:
            continue  # whoever reads it will say so
        states[shard.name] = [found.st_size, found.st_ino, found.st_mtime_ns]
    return {"stated": _digest(told), "files": states}


def _digest(told: object) -> str:
    return hashlib.sha256(repr(told).encode(errors="backslashreplace")).hexdigest()


def _libraries(backend: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _LIBRARIES.get(backend, ()):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor(plan: Plan) -> dict[str, str]:
    """Only results of class T depend on it, of those that a self-test does not decide."""
    if all(row.exactness != "T" for export in plan.exports for row in export.rows):
        return {}
    return {"processor": _digest([platform.machine(), *_flags()])}


def _flags() -> Iterator[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    wanted = ("model name", "flags", "Features")
    yield from sorted({line for line in text.splitlines() if line.startswith(wanted)})
