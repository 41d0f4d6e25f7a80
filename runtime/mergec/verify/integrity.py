"""Is a finished checkpoint what its lineage says, byte for byte? Standard library only."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mergec.catalog import Checkpoint, TensorEntry, TensorName, open_checkpoint
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.regular_file import open_regular, read_whole
from mergec.diagnostics import Diagnostic, MergecError, SourceText, fail
from mergec.diagnostics.printable import escape
from mergec.elaborate import Bundle, Setting
from mergec.execute.lineage import FILE_NAME, SCHEMA
from mergec.plan.encode import pinned_commits

_MAX_LINEAGE = 64 << 20
_STEP = 8 << 20
_SHOWN = 20
# A parent's lineage holds that of its own parents, and so on.
_DEPTH = 64
_HELP = "run the spec again; do not use this checkpoint"


@dataclass(frozen=True, slots=True)
class Result:
    """A checkpoint that mergec wrote, with its lineage as data."""

    root: Path
    lineage: Mapping[str, Any]
    checkpoint: Checkpoint

    def digests(self) -> Mapping[TensorName, str | None]:
        """The SHA-256 of each tensor's bytes, as the run recorded it; None if it took none."""
        return cast("Mapping[TensorName, str | None]", self.lineage["tensors"])

    def bundle(self, root: Path) -> Bundle:
        """What was compiled, to be compiled again with sources below `root`."""
        spec = cast("Mapping[str, Any]", self.lineage["spec"])
        given = {name: Setting(text) for name, text in spec.get("set", {}).items()}
        source = SourceText(spec["name"], spec["text"])
        without = tuple(spec.get("without", ()))
        pins = pinned_commits(self.lineage.get("sources"))
        return Bundle(source, root, given, spec.get("imports", {}), without, pins)


def open_result(root: Path) -> Result:
    """Read a finished checkpoint's lineage and headers.

    Raises E811 if it is not one of ours, and E812 if it is and its weights cannot be read.
    """
    lineage = read_lineage(root)
    try:
        checkpoint, _ = open_checkpoint(root)
    except MergecError as error:
        raise fail(
            "E812",
            f"the weights in `{escape(str(root))}` are not those that were written",
            notes=[found.message for found in error.diagnostics],
            help=_HELP,
        ) from None
    return Result(root, lineage, checkpoint)


def read_lineage(root: Path) -> Mapping[str, Any]:
    """The lineage of a finished checkpoint as data; E811 if there is none, or it is not ours."""
    try:
        with open_regular(root / FILE_NAME) as file:
            if file.size > _MAX_LINEAGE:
                raise _not_ours(root, f"`{FILE_NAME}` is larger than 64 MiB")
            lineage = parse_json(file.read(0, file.size), max_depth=_DEPTH)
    except MergecError as error:
        raise _not_ours(root, error.diagnostics[0].message) from None
    except JsonProblem as problem:
        raise _not_ours(root, f"`{FILE_NAME}` {problem}") from None
    if not _has_shape(lineage):
        raise _not_ours(root, f"`{FILE_NAME}` is not of the schema `{SCHEMA}`")
    return cast("Mapping[str, Any]", lineage)


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
    for file, digest in cast("Mapping[str, str]", result.lineage["files"]).items():
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
    recorded = cast("Mapping[str, object]", result.lineage["shards"])
    present = {
        shard.name: {"size": shard.size, "header_sha256": shard.header_digest}
        for shard in result.checkpoint.shards
    }
    return [
        _wrong(f"weight file `{escape(name)}` is not the one that was written")
        for name in sorted({*recorded, *present})
        if recorded.get(name) != present.get(name)
    ]


def _check_file(path: Path, digest: str) -> list[Diagnostic]:
    try:
        data = read_whole(path)
    except MergecError as error:
        return [_wrong(error.diagnostics[0].message)]
    if hashlib.sha256(data).hexdigest() == digest:
        return []
    return [_wrong(f"`{escape(path.name)}` has other bytes than were written")]


def _has_shape(lineage: object) -> bool:
    if not isinstance(lineage, dict):
        return False
    known = cast("dict[str, object]", lineage)
    texts = all(isinstance(known.get(key), str) for key in ("plan", "root"))
    tables = all(_holds_texts(known.get(key)) for key in ("files", "backend"))
    tables = tables and _holds_texts(known.get("tensors"), or_none=True)
    spec, backend, export = (_table(known.get(key)) for key in ("spec", "backend", "export"))
    said = (spec.get("name"), spec.get("text"), backend.get("device"), export.get("name"))
    given = all(_holds_texts(spec.get(key, {})) for key in ("set", "imports"))
    given = given and _lists_texts(spec.get("without", []))
    shards = isinstance(known.get("shards"), dict)
    named = all(isinstance(text, str) for text in said)
    return known.get("schema") == SCHEMA and texts and tables and named and given and shards


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _lists_texts(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(each, str) for each in cast("list[object]", value))


def _holds_texts(table: object, *, or_none: bool = False) -> bool:
    if not isinstance(table, dict):
        return False
    values = cast("dict[str, object]", table).values()
    return all(isinstance(value, str) or (or_none and value is None) for value in values)


def _not_ours(root: Path, why: str) -> MergecError:
    return fail(
        "E811",
        f"`{escape(str(root))}` is not a checkpoint that mergec wrote",
        notes=(why,),
        help="name the folder that `mergec run -o` made",
    )


def _wrong(message: str) -> Diagnostic:
    return Diagnostic("E812", message, None, help=(_HELP,))
