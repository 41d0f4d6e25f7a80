"""How what is there now differs from a lock, in lines that people can read."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mergec.catalog.quoted import quoted
from mergec.frozen import frozen
from mergec.plan.lock import CLASSES, Lock, LockedFile, LockedSource, is_within


@frozen
class Change:
    """One thing that differs.

    `stale` if the spec or mergec asks for something else than is locked, `bytes` if a source no
    longer is what it was. The `mark` is `+` for what the lock lacks, `-` for what it has and is no
    more, `~` for what is another.
    """

    kind: Literal["stale", "bytes"]
    mark: Literal["+", "-", "~"]
    text: str


def changes(lock: Lock, now: Lock, version: str) -> tuple[Change, ...]:
    """From `lock` to `now`, as mergec of this version sees it.

    What `now` does not know, digests of weights that nobody looked at, counts as the same, and so
    do numbers of a stronger class than is locked.
    """
    return (*_of_spec(lock, now, version), *_of_sources(lock, now))


def _of_spec(lock: Lock, now: Lock, version: str) -> Iterator[Change]:
    if not is_within(lock.tool, version):
        text = f"it is for mergec {quoted(lock.tool)}, and this is {version}"
        yield Change("stale", "~", text)
    for name in sorted({*lock.operators, *now.operators}):
        locked, here = lock.operators.get(name), now.operators.get(name)
        if locked is None:
            yield Change("stale", "+", f"operator {quoted(name)} {here}")
        elif here is None:
            yield Change("stale", "-", f"operator {quoted(name)} {locked}")
        elif locked != here:
            text = f"operator {quoted(name)} has revision {here}, and {locked} is locked"
            yield Change("stale", "~", text)
    if _by_name(lock) != _by_name(now):
        names = ", ".join(map(quoted, sorted({*_by_name(lock), *_by_name(now)})))
        yield Change("stale", "~", f"plugins: {names}")
    if CLASSES.index(now.exactness) > CLASSES.index(lock.exactness):
        text = f"numbers are of class {now.exactness}, and {lock.exactness} is locked"
        yield Change("stale", "~", text)


def _by_name(lock: Lock) -> Mapping[str, Mapping[str, Any]]:
    return {str(each.get("operator")): dict(each) for each in lock.plugins}


def _of_sources(lock: Lock, now: Lock) -> Iterator[Change]:
    for label in sorted({*lock.sources, *now.sources}):
        locked, here = lock.sources.get(label), now.sources.get(label)
        if locked is None and here is not None:
            yield Change("stale", "+", f"source {quoted(label)}, {_reference(here)}")
        elif here is None and locked is not None:
            yield Change("stale", "-", f"source {quoted(label)}, {_reference(locked)}")
        elif locked is not None and here is not None:
            if (locked.ref, locked.rev, locked.kind) != (here.ref, here.rev, here.kind):
                text = f"source {quoted(label)} is {_reference(here)}, and {_reference(locked)}"
                yield Change("stale", "~", f"{text} is locked")
            else:
                yield from _of_files(label, locked, here)


def _reference(source: LockedSource) -> str:
    written = f"{source.ref}@{source.rev}" if source.rev else source.ref
    return f"{source.kind} {quoted(written)}"


def _of_files(label: str, locked: LockedSource, here: LockedSource) -> Iterator[Change]:
    if locked.commit != here.commit:
        text = f"{quoted(label)} is at commit `{here.commit}`, and `{locked.commit}` is locked"
        yield Change("bytes", "~", text)
    for name in sorted({*locked.files, *here.files}):
        what = f"{quoted(name)} of {quoted(label)}"
        one, other = locked.files.get(name), here.files.get(name)
        if one is None:
            yield Change("bytes", "+", what)
        elif other is None:
            yield Change("bytes", "-", what)
        elif (found := file_difference(one, other)) is not None:
            yield Change("bytes", "~", f"{what} {found}")


def file_difference(locked: LockedFile, here: LockedFile) -> str | None:
    """In what a file differs from its lock, as the end of a sentence about it; None for nothing."""
    if here.size != locked.size:
        return f"has {here.size:,} bytes, and {locked.size:,} are locked"
    if here.header != locked.header:
        return f"has the header `{here.header}`, and `{locked.header}` is locked"
    if here.state is None and locked.sha256 is None:
        return "has no SHA-256 in the lock"
    if here.state != locked.state:
        return f"is in the state {_state(here)}, and {_state(locked)} is locked"
    if here.sha256 is not None and here.sha256 != locked.sha256:
        expected = "none" if locked.sha256 is None else f"`{locked.sha256}`"
        return f"has the SHA-256 `{here.sha256}`, and {expected} is locked"
    return None


def _state(file: LockedFile) -> str:
    return "of a file" if file.state is None else quoted(file.state[1])
