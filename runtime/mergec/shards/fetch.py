"""Bringing weights from a hub into its cache, before the first of them is read."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Event

from mergec.catalog import Checkpoint, HubCommit
from mergec.catalog.offline import is_offline
from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, Span, fail
from mergec.frozen import frozen
from mergec.plan.model import Plan
from mergec.shards.waiting import wait_for

_AT_ONCE = 4  # files
_PATIENCE = 5  # seconds that an interrupted run waits for transfers to end

Progress = Callable[[int], None]


@frozen
class AbsentFile:
    """A file of weights that is on a hub and not on this disk; `size` is in bytes.

    `span` is where a spec names its source, if one does.
    """

    span: Span | None
    hub: HubCommit
    path: Path
    size: int


def absent_files(plan: Plan) -> tuple[AbsentFile, ...]:
    """The files that a plan reads and that have to be fetched first: weights and tokenizers.

    Tokenizers of all sources, copied or not, so that the next plan can be made offline.
    """
    if all(source.checkpoint.hub is None for source in plan.sources):
        return ()
    needed = plan.files_read
    found = (
        _absent(
            source.checkpoint,
            [*source.checkpoint.late, *needed[source.decl.label]],
            source.decl.span,
        )
        for source in plan.sources
    )
    return _each_once(chain.from_iterable(found))


def absent_shards(checkpoints: Iterable[Checkpoint]) -> tuple[AbsentFile, ...]:
    """All files of weights of checkpoints on a hub that have to be fetched first."""
    found = (_absent(each, [shard.name for shard in each.shards], None) for each in checkpoints)
    return _each_once(chain.from_iterable(found))


def fetch(files: Sequence[AbsentFile], progress: Progress = lambda _: None) -> None:
    """Bring them into the cache, each at the commit that its header was read from.

    `progress` gets counts of bytes. What can be fetched is, whatever else fails, and stays there;
    so does part of a file, for the next run to go on from. Raises E602 before anything is fetched
    if the disk of the cache has less space, else the first finding about each source, at its place
    in the spec: E602, E715, E723 to E727, E749.
    """
    if not files:
        return
    from mergec.catalog.hub import quiet_library

    _check_space(files)
    workers = ThreadPoolExecutor(_AT_ONCE)
    offline = is_offline()
    found: dict[HubCommit, MergecError] = {}
    stop = Event()

    def count(done: int) -> None:
        if stop.is_set():
            raise _StoppedError
        progress(done)

    with quiet_library():
        under_way = [workers.submit(_fetch_one, file, count, offline) for file in files]
        try:
            wait_for(under_way)
            for file, outcome in zip(files, under_way, strict=True):
                if error := outcome.result():
                    found.setdefault(file.hub, error)
        except BaseException:
            # Each transfer notices when its next bytes come; what it has stays for the next run.
            stop.set()
            workers.shutdown(wait=False, cancel_futures=True)
            wait(under_way, timeout=_PATIENCE)
            raise
    workers.shutdown()
    if found:
        raise MergecError(each for error in found.values() for each in error.diagnostics)


class _StoppedError(Exception):
    """Nobody waits for this file any more."""


def _absent(
    checkpoint: Checkpoint, names: Iterable[str], span: Span | None
) -> Iterator[AbsentFile]:
    if checkpoint.hub is None:
        return
    sizes = {shard.name: shard.size for shard in checkpoint.shards}
    sizes |= {name: file.size for name, file in checkpoint.late.items()}
    for name in names:
        path = checkpoint.root / name
        if not path.exists():
            yield AbsentFile(span, checkpoint.hub, path, sizes[name])


def _each_once(files: Iterable[AbsentFile]) -> tuple[AbsentFile, ...]:
    return tuple({file.path: file for file in reversed([*files])}.values())[::-1]


def _fetch_one(file: AbsentFile, progress: Progress, offline: bool) -> MergecError | None:
    from mergec.catalog.hub_download import fetch_weights
    from mergec.catalog.reference import HubReference

    model = HubReference(file.hub.repo, file.hub.commit)
    try:
        fetch_weights(model, file.hub.commit, file.path.name, progress, offline=offline)
    except MergecError as error:
        return MergecError(replace(each, span=file.span) for each in error.diagnostics)
    except _StoppedError:
        pass
    return None


def _check_space(files: Sequence[AbsentFile]) -> None:
    from mergec.catalog.hub_download import partial_bytes

    folder = next(each for each in files[0].path.parents if each.exists())
    blobs = {file.path.parents[2] / "blobs" for file in files}
    here = sum(partial_bytes(each) for each in blobs)
    free, wanted = _free_space(folder), sum(file.size for file in files) - here
    if wanted > free:
        raise fail(
            "E602",
            f"the weights to fetch have {wanted:,} bytes, and {free:,} are free in the cache,"
            f" {quoted(folder)}",
            help="free some space, or name a folder on another disk by `HF_HUB_CACHE`",
        )


def _free_space(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize
