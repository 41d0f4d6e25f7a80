"""The bytes that a merge cannot do without, and how they get into the page cache or out of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks import touch
from benchmarks.recipes import Recipe, cut

Cache = Literal["warm", "cold"]

_LAYER = re.compile(r"\.layers\.(\d+)\.")
_EMBEDDING = "model.embed_tokens.weight"
_BUFFER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes of a file from `start` up to `end`."""

    path: Path
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.path}:{self.start}:{self.end}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is read, in the order of the files, and how many bytes are written."""

    reads: tuple[Extent, ...]
    written: int

    @property
    def read(self) -> int:
        """Bytes read."""
        return sum(extent.end - extent.start for extent in self.reads)


def traffic(recipe: Recipe, family: Path) -> Traffic:
    """The traffic of one merge of members of a family, found in the headers of their files."""
    if recipe.sliced:
        extents = tuple(_sliced(recipe, family))
        return Traffic(extents, sum(extent.end - extent.start for extent in extents))
    models = [tuple(_whole(family / source)) for source in recipe.sources]
    extents = tuple(extent for model in models for extent in model)
    return Traffic(extents, sum(extent.end for extent in models[0]))


def layer_count(family: Path) -> int:
    """Number of layers that the models of a family have."""
    config = json.loads((family / "base" / "config.json").read_text(encoding="utf-8"))
    return int(config["num_hidden_layers"])


def settle(traffic: Traffic, cache: Cache) -> None:
    """Make every run begin alike: nothing waits to be written, and inputs are cached or are not.

    More memory than is about to be written is free and was in use just before (`touch`).
    """
    os.sync()  # else a run pays for the pages that the one before left; and dirty pages stay
    command = [sys.executable, str(touch.__file__), str(traffic.written * 5 // 4)]
    subprocess.run(command, check=True)
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    for extent in traffic.reads:
        descriptor = os.open(extent.path, os.O_RDONLY)
        try:
            if cache == "cold":
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                read(descriptor, extent, buffer)
        finally:
            os.close(descriptor)


def read(descriptor: int, extent: Extent, buffer: memoryview) -> None:
    """Read an extent of an open file and forget it."""
    place = extent.start
    while place < extent.end:
        place += os.preadv(descriptor, [buffer[: extent.end - place]], place)


def _whole(folder: Path) -> Iterator[Extent]:
    for path in sorted(folder.glob("*.safetensors")):
        yield Extent(path, 0, path.stat().st_size)


def _sliced(recipe: Recipe, family: Path) -> Iterator[Extent]:
    """Neighbours of one file as one extent, as the tensors of consecutive layers mostly are."""
    upper, lower = cut(layer_count(family))
    first, second = recipe.sources
    pieces = ((first, range(upper), True), (second, range(lower, layer_count(family)), False))
    for source, layers, embeds in pieces:
        for path in sorted((family / source).glob("*.safetensors")):
            pending: Extent | None = None
            for name, start, end in _tensors(path):
                layer = _LAYER.search(name)
                wanted = int(layer[1]) in layers if layer else embeds == (name == _EMBEDDING)
                if not wanted:
                    continue
                if pending and pending.end == start:
                    pending = Extent(path, pending.start, end)
                    continue
                if pending:
                    yield pending
                pending = Extent(path, start, end)
            if pending:
                yield pending


def _tensors(path: Path) -> list[tuple[str, int, int]]:
    """Name, first byte and end of each tensor of a file, in the order of their bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    found = [(name, *entry["data_offsets"]) for name, entry in header.items()]
    data = 8 + length
    return sorted(
        ((name, data + start, data + end) for name, start, end in found), key=lambda one: one[1]
    )
