"""Is a finished checkpoint what its lineage says, byte for byte? Standard library only."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.folder import DiskFolder
from mergec.catalog.index import INDEX_SUFFIX
from mergec.catalog.lineage_file import FILE_NAME, LineageProblem, Statement, read_lineage
from mergec.catalog.open_checkpoint import is_small_file, open_weights
from mergec.catalog.regular_file import read_whole
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.diagnostics.printable import escape
from mergec.frozen import frozen

_STEP = 8 << 20
_SHOWN = 20
# Beside the small files that every model may have.
_OF_A_MODEL = ("config.json", ".safetensors", INDEX_SUFFIX)
_HELP = "run the spec again; do not use this checkpoint"


@frozen
class Result:
    """A checkpoint that mergec wrote, with what its lineage says of it."""

    root: Path
    lineage: Statement
    checkpoint: Checkpoint

    def digests(self) -> Mapping[TensorName, str | None]:
        """The SHA-256 of each tensor's bytes, as the run recorded it; None if it took none."""
        return {TensorName(name): digest for name, digest in self.lineage.tensors.items()}

    @property
    def hashed(self) -> int:
        """How many tensors the run took digests of."""
        return sum(digest is not None for digest in self.digests().values())


def open_result(root: Path) -> Result:
    """Read a finished checkpoint's lineage and headers.

    Raises E811 if it is not one of ours, and E812 if it is and its weights cannot be read.
    """
    lineage = read_statement(root)
    try:
        checkpoint = open_weights(root)
    except MergecError as error:
        raise fail(
            "E812",
            f"the weights in `{escape(str(root))}` are not those that were written",
            notes=[found.message for found in error.diagnostics],
            help=_HELP,
        ) from None
    return Result(root, lineage, checkpoint)


def read_statement(root: Path) -> Statement:
    """How a finished checkpoint was made; E811 if there is no lineage, or it is not ours."""
    try:
        return read_lineage(root / FILE_NAME).statement
    except LineageProblem as problem:
        raise _not_ours(root, f"`{FILE_NAME}` {problem}") from None


def check_integrity(result: Result) -> tuple[Diagnostic, ...]:
    """E812 for every tensor and file that is missing, unexpected, or has other bytes."""
    findings: list[Diagnostic] = []
    recorded = result.digests()
    present = result.checkpoint.tensors
    for name in sorted({*recorded, *present}):
        if name not in present:
            findings.append(_wrong(f"tensor `{escape(name)}` is missing"))
        elif name not in recorded:
            findings.append(_wrong(f"tensor `{escape(name)}` is not in the lineage"))
        elif not _as_recorded(result.root, present[name], recorded[name]):
            findings.append(_wrong(f"tensor `{escape(name)}` has other bytes than were written"))
    findings += _check_shards(result)
    findings += _check_strangers(result)
    for file, digest in result.lineage.files.items():
        findings += _check_file(result.root / Path(file).name, digest)
    return tuple(findings[:_SHOWN])


def _as_recorded(root: Path, entry: TensorEntry, digest: str | None) -> bool:
    return digest is None or tensor_digest(root, entry) == digest


def tensor_digest(root: Path, entry: TensorEntry) -> str:
    """The SHA-256 of a tensor's bytes in the file."""
    digest = hashlib.sha256()
    with (root / entry.file).open("rb") as file:
        file.seek(entry.start)
        left = entry.nbytes
        while left and (data := file.read(min(_STEP, left))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()


def _check_shards(result: Result) -> list[Diagnostic]:
    recorded = {
        name: (shard["size"], shard.get("header_sha256"))
        for name, shard in result.lineage.shards.items()
    }
    present = {shard.name: (shard.size, shard.header_digest) for shard in result.checkpoint.shards}
    return [
        _wrong(f"weight file `{escape(name)}` is not the one that was written")
        for name in sorted({*recorded, *present})
        if recorded.get(name) != present.get(name)
    ]


def _check_strangers(result: Result) -> list[Diagnostic]:
    """Files that loaders take for a part of the checkpoint, and that the run did not write."""
    recorded = {*result.lineage.shards, *map(_plain, result.lineage.files), FILE_NAME}
    return [
        _wrong(f"`{escape(name)}` is not in the lineage")
        for name in DiskFolder(result.root).names()
        if name not in recorded and (is_small_file(name) or name.endswith(_OF_A_MODEL))
    ]


def _plain(name: str) -> str:
    return Path(name).name


def _check_file(path: Path, digest: str) -> list[Diagnostic]:
    try:
        data = read_whole(path)
    except MergecError as error:
        return [_wrong(error.diagnostics[0].message)]
    if hashlib.sha256(data).hexdigest() == digest:
        return []
    return [_wrong(f"`{escape(path.name)}` has other bytes than were written")]


def _not_ours(root: Path, why: str) -> MergecError:
    return fail(
        "E811",
        f"`{escape(str(root))}` is not a checkpoint that mergec wrote",
        notes=(why,),
        help="name the folder that `mergec run -o` made",
    )


def _wrong(message: str) -> Diagnostic:
    return Diagnostic("E812", message, None, help=(_HELP,))
