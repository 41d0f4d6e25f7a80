"""Whether the child's config.json describes the tensors that the child has."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mergec.catalog.architecture import Architecture
from mergec.catalog.config_differences import text_section
from mergec.catalog.implied_shapes import described_end, implied_shape
from mergec.catalog.tied import generates, stated_tie
from mergec.diagnostics import Diagnostic, Label, escape
from mergec.elaborate import SourceDecl
from mergec.plan.model import PlannedExport
from mergec.resolve import KeySet

_SHOWN = 3


def check_child(
    export: PlannedExport, keys: KeySet, sources: Sequence[SourceDecl]
) -> Iterator[Diagnostic]:
    """E423 for shapes, layers and tensors that are not as the config says, E424 for no head.

    `keys` is the key set of what is exported. Nothing is said of a family that no file describes.
    """
    if export.config is None:
        return
    donor = next(decl for decl in sources if decl.label == export.donor)
    config: Mapping[str, Any] = json.loads(export.config)
    architecture = keys.architecture
    names = [row.tensor for row in export.rows]
    wrong = [] if keys.renamed else [*_wrong(export, architecture, config)]
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        yield Diagnostic(
            "E423",
            f"config.json of `{escape(donor.ref)}` describes other tensors than the child has",
            donor.span,
            "gives the child its config.json",
            labels=(Label(export.decl.span, "this child"),),
            notes=(*wrong[:_SHOWN], *more),
            help=("correct that config.json; it belongs to other weights, or was edited",),
        )
    if _headless(architecture, config, names):
        yield _no_head(export, donor)


def _wrong(
    export: PlannedExport, architecture: Architecture, config: Mapping[str, Any]
) -> Iterator[str]:
    """A line for each shape, number of layers, or tensor of a layer that the config denies."""
    settings = text_section(config, architecture.config_path)
    stated = next((settings[key] for key in architecture.count_keys if key in settings), None)
    layers = architecture.layers
    if len(architecture.stacks) == 1 and type(stated) is int and stated != layers:
        key = next(key for key in architecture.count_keys if key in settings)
        yield f"`{key}` is {stated}, and there are {layers} layers"
    held: dict[tuple[str, str], set[int]] = {}
    for row in export.rows:
        place = architecture.place(row.tensor)
        if place.layer is not None and "attn" in place.roles:
            held.setdefault((place.head, place.tail), set()).add(place.layer)
        implied = implied_shape(architecture.shapes, settings, row.tensor)
        if implied is not None and implied[1] != row.shape:
            said = ",".join(map(str, implied[1]))
            shape = ",".join(map(str, row.shape))
            yield f"`{escape(row.tensor)}` is [{shape}], not [{said}], which is [{implied[0]}]"
    for (head, tail), found in held.items():
        absent = sorted(set(range(layers)) - found)
        if absent and described_end(architecture.shapes, f"{head}0{tail}") is not None:
            yield f"layer {absent[0]} lacks `{escape(tail.lstrip('.'))}`, which other layers have"


def _headless(architecture: Architecture, config: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether the config says that the head is a tensor of its own, and there is none."""
    held = set(names)
    return (
        stated_tie(config, architecture) is False
        and generates(config)
        and any(table in held for _, table in architecture.tied)
        and not any(head in held for head, _ in architecture.tied)
    )


def _no_head(export: PlannedExport, donor: SourceDecl) -> Diagnostic:
    return Diagnostic(
        "E424",
        "the child has no head, and its config.json says that it has one of its own",
        donor.span,
        "gives the child its config.json",
        labels=(Label(export.decl.span, "this child"),),
        notes=("loaders fill a head that is missing with random numbers",),
        help=(
            'if the head is the embedding, write `"tie_word_embeddings": true` in config.json of '
            f"`{escape(donor.ref)}`, or name a model first of which the head is tied",
            "if it is not, look for the file that holds it",
        ),
    )
