"""Small checkpoints on disk that stand in for a spec's sources: their headers, scaled down."""

import json
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from mergec.catalog import Checkpoint, open_checkpoint
from mergec.frozen import frozen
from mergec.plan.layout import OutputTensor, ShardLayout, lay_out
from mergec.verify.evaluate import StoredTensor
from mergec.verify.trial.shapes import NOTHING, small, small_axes
from mergec.verify.trial.vocabularies import SmallVocabularies

_FILE = "model.safetensors"
# A network of three matrices has room for two operands in tsvm, and axes of 3 show less.
_LEAST = 4

Contents = Mapping[str, Mapping[str, StoredTensor]]


@frozen
class Folder:
    """A folder that holds a checkpoint for each source, in a folder with a number for a name.

    `axes` leads from the lengths of axes to the small ones.
    """

    root: Path
    layouts: Mapping[str, ShardLayout]
    checkpoints: Mapping[str, Checkpoint]
    axes: Mapping[int, int]

    def with_tokenizers(self, vocabularies: SmallVocabularies) -> "Folder":
        """The same with small tokenizers beside the weights."""
        vocabularies.write({label: it.root for label, it in self.checkpoints.items()}, self.root)
        held = {
            label: replace(it, small_files=("tokenizer.json",))
            if label in vocabularies.sources
            else it
            for label, it in self.checkpoints.items()
        }
        return replace(self, checkpoints=held)

    def fill(self, contents: Contents) -> None:
        """Write the tensors of all sources; their headers, and so their plan, stay as they are."""
        for number, (label, layout) in enumerate(self.layouts.items()):
            held = contents[label]
            with (self.root / str(number) / layout.name).open("wb") as file:
                file.write(len(layout.header).to_bytes(8, "little") + layout.header)
                for place in layout.tensors:
                    file.write(held[place.name].data)


def small_folder(
    root: Path,
    sources: Mapping[str, Checkpoint],
    most: int,
    multiples: Mapping[int, int] = NOTHING,
    times: Mapping[int, int] = NOTHING,
) -> Folder:
    """Lay out in the existing folder `root` a small checkpoint for each of `sources`.

    Names, dtypes, ranks, configs and licences are theirs, and how adapters are meant; no tensor
    has more than `most` elements, unless the lengths of axes must be multiples of more
    (`small_axes`). All weights are zeros until they are filled.
    """
    shapes = [entry.shape for source in sources.values() for entry in source.tensors.values()]
    axes = small_axes(shapes, max(_LEAST, len(sources)), most, multiples, times)
    layouts: dict[str, ShardLayout] = {}
    checkpoints: dict[str, Checkpoint] = {}
    for number, (label, source) in enumerate(sources.items()):
        tensors = [
            OutputTensor(str(entry.name), entry.dtype, small(entry.shape, axes))
            for entry in source.tensors.values()
            if entry.dtype.bits % 8 == 0  # one that ends within a byte is read by no spec
        ]
        (layouts[label],) = lay_out(tensors, sum(_bytes(each) for each in tensors) + 1, {})
        folder = root / str(number)
        folder.mkdir()
        _zeros(folder / _FILE, layouts[label])
        if source.config is not None:
            (folder / "config.json").write_text(json.dumps(source.config))
        opened, _ = open_checkpoint(folder)
        checkpoints[label] = replace(
            opened, config=source.config, licence=source.licence, adapter=source.adapter
        )
    return Folder(root, layouts, checkpoints, axes)


def _zeros(path: Path, layout: ShardLayout) -> None:
    with path.open("wb") as file:
        file.write(len(layout.header).to_bytes(8, "little") + layout.header)
        file.truncate(layout.size)


def _bytes(tensor: OutputTensor) -> int:
    return prod(tensor.shape) * tensor.dtype.bits // 8
