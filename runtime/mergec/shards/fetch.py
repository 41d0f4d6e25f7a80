"""Bringing weights from a hub into its cache, before the first of them is read."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from mergec.catalog import HubCommit
from mergec.catalog.offline import is_offline
from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, Span, fail
from mergec.plan.model import PlanSource

_AT_ONCE = 4  # files

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class AbsentFile:
    """A file of weights that is on a hub and not on this disk; `size` is in bytes.

    `span` is where the spec names its source.
    """

    span: Span
    hub: HubCommit
    path: Path
    size: int


def absent_files(
    sources: Sequence[PlanSource], needed: Mapping[str, Sequence[str]]
) -> tuple[AbsentFile, ...]:
    """Which of the files that are `needed` of each source, by label, have to be fetched."""
    return tuple(_absent(sources, needed))


def fetch(files: Sequence[AbsentFile], progress: Progress = lambda _: None) -> None:
    """Bring them into the cache, each at the commit that its header was read from.

    `progress` gets counts of bytes. What is complete stays there, whatever else fails. Raises E602
    before anything is fetched if the disk of the cache has less space, E715, and E723 to E727, at
    the source.
    """
    if not files:
        return
    from mergec.catalog.hub import quiet_library

    _check_space(files)
    workers = ThreadPoolExecutor(_AT_ONCE)
    offline = is_offline()
    with quiet_library():
        try:
            # Not `with`: what is interrupted does not wait for files that are on their way.
            for done in as_completed(
                [workers.submit(_fetch_one, file, progress, offline) for file in files]
            ):
                done.result()
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


def _absent(
    sources: Sequence[PlanSource], needed: Mapping[str, Sequence[str]]
) -> Iterator[AbsentFile]:
    seen: set[Path] = set()
    for source in sources:
        checkpoint = source.checkpoint
        if checkpoint.hub is None:
            continue
        sizes = {shard.name: shard.size for shard in checkpoint.shards}
        for name in needed[source.decl.label]:
            path = checkpoint.root / name
            if path not in seen and not path.exists():
                seen.add(path)
                yield AbsentFile(source.decl.span, checkpoint.hub, path, sizes[name])


def _fetch_one(file: AbsentFile, progress: Progress, offline: bool) -> None:
    from mergec.catalog.hub import fetch_file
    from mergec.catalog.reference import HubReference

    model = HubReference(file.hub.repo, file.hub.commit)
    try:
        fetch_file(model, file.hub.commit, file.path.name, progress, offline=offline)
    except MergecError as error:
        raise MergecError(replace(each, span=file.span) for each in error.diagnostics) from error


def _check_space(files: Sequence[AbsentFile]) -> None:
    folder = next(each for each in files[0].path.parents if each.exists())
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    wanted = sum(file.size for file in files)
    if wanted > free:
        raise fail(
            "E602",
            f"the weights to fetch have {wanted:,} bytes, and {free:,} are free in the cache,"
            f" {quoted(folder)}",
            help="free some space, or name a folder on another disk by `HF_HUB_CACHE`",
        )
