"""From a spec's text to its plan: parse, elaborate, open sources, bind, normal form, lay out."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mergec.catalog import Checkpoint, Dtype, Sha256, open_checkpoint
from mergec.catalog.regular_file import read_whole
from mergec.diagnostics import Diagnostic, MergecError, SourceText, fail, sort_by_position
from mergec.elaborate import Elaborated, ExportDecl, SourceDecl, elaborate
from mergec.passes import normal_form
from mergec.plan.bind import bind
from mergec.plan.layout import OutputTensor, ShardLayout, lay_out
from mergec.plan.model import Plan, Row, SmallFile
from mergec.plan.program import build_program
from mergec.syntax import parse_spec

_METADATA = {"format": "pt"}
# What a delta's files say, so that nobody, mergec included, takes one for a model.
_DELTA_METADATA = {"format": "pt", "mergec.kind": "delta"}
_HUB = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan and the warnings found on the way, in the order of the spec."""

    plan: Plan
    warnings: tuple[Diagnostic, ...]


def check_text(source: SourceText) -> tuple[Elaborated, int]:
    """Parse and type a spec without looking at its sources; MergecError with all errors.

    Returns the checked graph and the edition.
    """
    parsed = parse_spec(source)
    if any(found.severity == "error" for found in parsed.diagnostics):
        raise MergecError(parsed.diagnostics)
    elaborated = elaborate(parsed.spec)
    warnings = sort_by_position((*parsed.diagnostics, *elaborated.warnings))
    return replace(elaborated, warnings=warnings), parsed.spec.edition or 1


def compile_text(source: SourceText, root: Path) -> Compiled:
    """The plan of a spec whose relative references start at the folder `root`.

    Reads headers and small files, never a weight. MergecError with every error found at the first
    level that has any: text, then files, then what the headers say together.
    """
    checked, edition = check_text(source)
    found: list[Diagnostic] = list(checked.warnings)
    checkpoints = _open_sources(checked.sources, root, found)
    _stop_on_errors(found)
    graph = normal_form(checked.graph)
    program = build_program(graph, graph.outputs[checked.export.name])
    sources, rows = bind(checked, program, checkpoints, found.append)
    _stop_on_errors(found)
    donor = checkpoints[checked.export.donor]
    plan = Plan(
        edition=edition,
        export=checked.export,
        sources=sources,
        names=checked.names,
        written=checked.graph,
        normal=graph,
        program=program,
        rows=rows,
        layouts=_layouts(checked.export, rows),
        donor=checked.export.donor,
        config=None if checked.export.delta else _config(donor, checked.export.dtype),
        files=() if checked.export.delta else _small_files(donor),
    )
    return Compiled(plan, sort_by_position(found))


def locate(ref: str, root: Path) -> Path:
    """Where a source reference points. What it is follows from its syntax, not from the disk.

    `./`, `../` and `/` begin a path, relative ones starting at `root`; E716 for anything else.
    """
    if ref.startswith(("./", "../", "/")) or ref in (".", ".."):
        return root / ref
    if _HUB.fullmatch(ref):
        message = f"`{ref}` names a model on a hub, which this mergec does not fetch"
        hint = f'download it and name its folder, as in `model("./{ref.rsplit("/", 1)[-1]}")`'
    else:
        message = f"`{ref}` is not a path that mergec can open"
        hint = f'begin a path with `./`, as in `model("./{ref}")`'
    raise fail("E716", message, help=hint)


def _layouts(export: ExportDecl, rows: Sequence[Row]) -> tuple[ShardLayout, ...]:
    """A model's files are called as loaders expect; a delta's are not, and say what they are."""
    outputs = [OutputTensor(row.tensor, row.dtype, row.shape) for row in rows]
    if export.delta:
        return lay_out(outputs, export.shard_bytes, _DELTA_METADATA, stem="delta")
    return lay_out(outputs, export.shard_bytes, _METADATA)


def _open_sources(
    decls: tuple[SourceDecl, ...], root: Path, found: list[Diagnostic]
) -> Mapping[str, Checkpoint]:
    """Every source that opens; what does not is reported at its `model(...)`."""
    opened: dict[str, Checkpoint] = {}
    for decl in decls:
        try:
            checkpoint, warnings = open_checkpoint(locate(decl.ref, root))
        except MergecError as error:
            found.extend(_at(decl, diagnostic) for diagnostic in error.diagnostics)
            continue
        if any("mergec.kind" in shard.metadata for shard in checkpoint.shards):
            found.append(_delta_as_model(decl))
        opened[decl.label] = checkpoint
        found.extend(_at(decl, diagnostic) for diagnostic in warnings)
    return opened


def _delta_as_model(decl: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "E302",
        f"`{decl.ref}` is a delta that mergec wrote, not a model",
        decl.span,
        "holds a delta",
        help=("export the model itself, or write the delta as a difference of two models",),
    )


def _at(decl: SourceDecl, found: Diagnostic) -> Diagnostic:
    """A finding about a file, placed where the spec names the source."""
    return Diagnostic(
        found.code, found.message, decl.span, found.label, found.labels, found.notes, found.help
    )


def _stop_on_errors(found: list[Diagnostic]) -> None:
    if any(diagnostic.severity == "error" for diagnostic in found):
        raise MergecError(found)


def _config(donor: Checkpoint, dtype: Dtype | None) -> bytes | None:
    """The output's config.json: the donor's bytes, edited only where the merge changes a fact."""
    if donor.config is None:
        return None
    names = {
        Dtype.BF16: "bfloat16",
        Dtype.F16: "float16",
        Dtype.F32: "float32",
        Dtype.F64: "float64",
    }
    stated = [key for key in ("dtype", "torch_dtype") if key in donor.config]
    if dtype is None or not stated:
        return read_whole(donor.root / "config.json")
    edited = {**donor.config, **{key: names[dtype] for key in stated}}
    return (json.dumps(edited, indent=2, ensure_ascii=False) + "\n").encode()


def _small_files(donor: Checkpoint) -> tuple[SmallFile, ...]:
    """The donor's tokenizer and the like, with digests: what was reviewed is what is copied."""
    files: list[SmallFile] = []
    for name in donor.small_files:
        raw = read_whole(donor.root / name)
        files.append(SmallFile(name, len(raw), Sha256(hashlib.sha256(raw).hexdigest())))
    return tuple(files)
