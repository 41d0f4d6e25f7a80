"""Weights and locks: their digests for one that is made, and runs that use what is locked alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mergec.catalog.checkpoint import Checkpoint, HubCommit
from mergec.catalog.hub_download import stated_digest
from mergec.catalog.offline import is_offline
from mergec.catalog.quoted import quoted
from mergec.catalog.reference import HubReference
from mergec.diagnostics import MergecError, escape, fail
from mergec.plan.lock import Lock, LockedFile, LockedSource
from mergec.plan.model import Plan
from mergec.shards.hash_files import Progress, WeightFile, hash_files, weight_files
from mergec.shards.leaves import FileDigest, Leaf
from mergec.shards.read_guard import Differs, ReadGuard
from mergec.shards.reader import SourceReader


def with_digests(
    plan: Plan,
    sources: Mapping[str, LockedSource],
    threads: int,
    progress: Progress = lambda _: None,
    *,
    look: bool,
    cached: bool = True,
) -> dict[str, LockedSource]:
    """The sources with the SHA-256 of all their weights but those in stores.

    What lies on this disk is hashed. Of models on a hub the hub's word is taken: that of the time
    when the file was fetched, or now; without it E875. With `look` what was fetched is hashed too,
    and what was not stays unknown. Raises what `hash_files` does.
    """
    here: dict[tuple[str, str], WeightFile] = {}
    found: dict[tuple[str, str], str] = {}
    listed: dict[HubCommit, Mapping[str, str]] = {}
    for label in sources:
        checkpoint = plan.checkpoints[label]
        present: set[str] = set()
        for shard in checkpoint.shards if checkpoint.stored is None else ():
            path = checkpoint.root / shard.name
            said = stated_digest(path) if checkpoint.hub is not None and not look else None
            if said is not None and path.exists():
                found[label, shard.name] = said
            elif path.exists():
                present.add(shard.name)
            elif not look:
                found[label, shard.name] = _stated(
                    checkpoint.hub, shard.name, sources[label].ref, listed
                )
        here |= {(label, it.shard.name): it for it in weight_files(checkpoint, present)}
    hashed = _hashed(here, threads, progress, cached=cached)
    found |= {key: digest.sha256 for key, digest in hashed.items()}
    return {label: _filled(label, source, found) for label, source in sources.items()}


def guard_readers(
    plan: Plan,
    readers: Mapping[str, SourceReader],
    lock: Lock,
    place: Path,
    threads: int,
    *,
    cached: bool = True,
) -> None:
    """See to it that whatever a run reads is what is locked; all files must be on this disk.

    Files that the plan reads are hashed, unless their digest is known, and compared with the lock:
    E873. From then on each reader compares what it hands out with the digests that were found,
    which ends in E874. What lies in a store is held by its state, as without a lock.
    """
    wanted: dict[tuple[str, str], WeightFile] = {}
    for label, names in _files_read(plan).items():
        checkpoint = plan.checkpoints[label]
        if checkpoint.stored is None:
            wanted |= {(label, it.shard.name): it for it in weight_files(checkpoint, names)}
    found = _hashed(wanted, threads, cached=cached)
    for (label, name), digest in found.items():
        locked = lock.sources[label].files[name]
        if digest.sha256 != locked.sha256:
            raise _other_file(place, wanted[label, name].path, locked, digest.sha256)
    for label, reader in readers.items():
        checkpoint = plan.checkpoints[label]
        if checkpoint.stored is None:
            files = {
                name: (wanted[source, name].leaves, digest)
                for (source, name), digest in found.items()
                if source == label
            }
            reader.guard(ReadGuard(files, reader.read_again, _differs(checkpoint)))


def _filled(label: str, source: LockedSource, found: Mapping[tuple[str, str], str]) -> LockedSource:
    files = {
        name: replace(file, sha256=found.get((label, name), file.sha256))
        for name, file in source.files.items()
    }
    return replace(source, files=files)


def _stated(
    model: HubCommit | None, name: str, ref: str, listed: dict[HubCommit, Mapping[str, str]]
) -> str:
    """The SHA-256 that the hub states of a file at a commit; what it says is kept in `listed`."""
    if model is not None and model not in listed:
        listed[model] = _listed(model) if not is_offline() else {}
    said = listed[model].get(name) if model is not None else None
    if said is None:
        raise _not_stated(ref, name)
    return said


def _listed(model: HubCommit) -> Mapping[str, str]:
    from mergec.catalog.hub import Hub, quiet_library

    with quiet_library():
        return Hub(HubReference(model.repo, model.commit)).listing(model.commit).digests


def _hashed(
    wanted: Mapping[tuple[str, str], WeightFile],
    threads: int,
    progress: Progress = lambda _: None,
    *,
    cached: bool,
) -> dict[tuple[str, str], FileDigest]:
    """The digests; a file of several sources is hashed once."""
    by_path = {file.path: file for file in wanted.values()}
    digests = hash_files([*by_path.values()], threads, progress, cached=cached)
    found = dict(zip(by_path, digests, strict=True))
    return {key: found[file.path] for key, file in wanted.items()}


def _files_read(plan: Plan) -> dict[str, set[str]]:
    """What a run reads: for tensors, and to see whether parents are related."""
    found = {label: set(names) for label, names in plan.files_read.items()}
    for kin in plan.kin:
        for pair in kin.pairs:
            for label, entry in zip(kin.labels, pair, strict=True):
                found[label].add(entry.file)
    return found


def _differs(checkpoint: Checkpoint) -> Differs:
    def differs(file: str, leaf: Leaf, wanted: str, found: str) -> MergecError:
        at = leaf.start
        held = (
            entry.name
            for entry in checkpoint.tensors.values()
            if entry.file == file and entry.start <= at < entry.start + entry.stored.nbytes
        )
        return fail(
            "E874",
            f"the bytes of tensor {quoted(next(held, '?'))} that were read from"
            f" {quoted(checkpoint.root / file)} are not those that are locked",
            notes=(
                f"of the bytes {leaf.start:,} to {leaf.stop:,} the SHA-256 should be"
                f" `{wanted}` and is `{found}`",
                "nothing was published",
            ),
            help="let whatever writes to the file finish; if nothing does, check disk and memory",
        )

    return differs


def _other_file(place: Path, path: Path, locked: LockedFile, found: str) -> MergecError:
    expected = "none" if locked.sha256 is None else f"`{locked.sha256}`"
    return fail(
        "E873",
        f"{quoted(path)} is not the file of {quoted(place)}",
        notes=(f"its SHA-256 is `{found}`, and {expected} is locked",),
        help=(
            "put the locked file back",
            f"or take the new one with `mergec lock {escape(place.name.removesuffix('.lock'))}`,"
            " and review what changed",
        ),
    )


def _not_stated(ref: str, name: str) -> MergecError:
    return fail(
        "E875",
        f"the hub states no SHA-256 of {quoted(name)} of {quoted(ref)}, and the file is not here",
        help="run the spec once, which fetches the file, and lock it then",
    )
