"""Reading back what was written: the only way to notice a device that lies."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mergec.catalog.checkpoint import Sha256
from mergec.diagnostics import MergecError, fail
from mergec.plan.layout import ShardLayout
from mergec.shards.files import Files

_STEP = 8 << 20


def shard_difference(
    files: Files, descriptor: int, layout: ShardLayout, digests: Mapping[str, Sha256]
) -> str | None:
    """The first part of a finished shard that is not what was written, or None.

    `digests` are the SHA-256 of the tensors' bytes. At most 8 MiB are held.
    """
    files.forget_cached(descriptor)
    head = len(layout.header).to_bytes(8, "little") + layout.header
    if _digest(files, descriptor, 0, len(head)) != hashlib.sha256(head).hexdigest():
        return f"the header of `{layout.name}`"
    for place in layout.tensors:
        if _digest(files, descriptor, place.start, place.nbytes) != digests[place.name]:
            return f"the tensor `{place.name}` in `{layout.name}`"
    return None


def file_difference(files: Files, descriptor: int, name: str, data_digest: Sha256) -> str | None:
    """The name of a small file, if it is not what was written."""
    files.forget_cached(descriptor)
    size = files.stat_open(descriptor).st_size
    return None if _digest(files, descriptor, 0, size) == data_digest else f"`{name}`"


def stored_otherwise(target: Path, finding: str) -> MergecError:
    """E812: the device keeps other bytes than it was given."""
    return fail(
        "E812",
        f"the disk gave back other bytes than were written to `{target}`: {finding}",
        notes=("nothing was published",),
        help="check the disk and the memory of this machine, then run again",
    )


def _digest(files: Files, descriptor: int, start: int, nbytes: int) -> Sha256:
    """SHA-256 of a range of the file, or of what there is of it."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(min(_STEP, nbytes)))
    for offset in range(0, nbytes, _STEP):
        piece = buffer[: min(_STEP, nbytes - offset)]
        digest.update(piece[: files.read_at(descriptor, piece, start + offset)])
    return Sha256(digest.hexdigest())
