"""From a folder in PEFT's format to an adapter: which tensors of a model it changes, and how."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mergec.catalog.adapter import CONFIG, WEIGHTS, Adapter, Dora, Factors, Part, Replacement, Step
from mergec.catalog.adapter_config import AdapterConfig, read_adapter_config
from mergec.catalog.checkpoint import Checkpoint, TensorEntry, TensorName
from mergec.catalog.folder import DiskFolder, Folder
from mergec.catalog.header import read_header
from mergec.catalog.licence import read_licence
from mergec.catalog.quoted import quoted
from mergec.catalog.wrong_format import PICKLE_SUFFIXES, refuse_pickle
from mergec.diagnostics import Diagnostic, MergecError, fail

# What PEFT's wrappers put before the names of the model, and into them.
_OUTER = "base_model.model."
_FACTOR = re.compile(r"(.+)\.lora_([AB])(?:\.[A-Za-z0-9_-]+)?\.(weight|bias)")
_OF_EMBEDDING = re.compile(r"(.+)\.lora_embedding_([AB])(?:\.[A-Za-z0-9_-]+)?")
_MAGNITUDES = re.compile(r"(.+)\.lora_magnitude_vector(?:\.[A-Za-z0-9_-]+){0,2}")
_SAVED = re.compile(r"(.+)\.modules_to_save(?:\.[A-Za-z0-9_-]+)?\.(weight|bias)")


def open_adapter(path: Path) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The adapter in the folder `path`, and the warnings about it; reads headers and small texts.

    Raises E729 to E734 and E736, what `read_header` raises, and E701, E706, E713 and E714.
    """
    if os.path.isfile(path):
        raise no_folder(path)
    DiskFolder(path).names()  # which says why a folder cannot be read
    return read_adapter(DiskFolder(path))


def read_adapter(folder: Folder) -> tuple[Checkpoint, tuple[Diagnostic, ...]]:
    """The adapter that the files of a folder are."""
    config = read_adapter_config(folder)
    warnings: list[Diagnostic] = []
    if folder.lacks(WEIGHTS):
        raise _no_weights(folder)
    shard, entries = read_header(folder.path / WEIGHTS, warnings.append, folder.open)
    tensors = {entry.name: entry for entry in entries}
    if not tensors:
        raise fail(
            "E714",
            f"{quoted(folder.path / WEIGHTS)} holds no tensors",
            help="name an adapter that was saved whole",
        )
    adapter = Adapter(_Reading(folder.path, config, tensors).parts(), config.base)
    licence = read_licence(folder.path / "README.md", folder.open, None)
    checkpoint = Checkpoint(folder.root, (shard,), tensors, None, (), licence, adapter=adapter)
    return checkpoint, tuple(warnings)


def no_folder(path: Path) -> MergecError:
    """E729 for a file that is called an adapter."""
    return fail(
        "E729",
        f"{quoted(path)} is a file, and an adapter is a folder",
        help=f"name the folder that holds `{CONFIG}` and `{WEIGHTS}`",
    )


def is_adapter_file(checkpoint: Checkpoint) -> bool:
    """Whether what was opened as a model is an adapter: by the name of its only file."""
    return [shard.name for shard in checkpoint.shards] == [WEIGHTS]


@dataclass(slots=True)
class _Reading:
    """Sorts the tensors of one adapter by the tensor of a model that they change."""

    path: Path
    config: AdapterConfig
    tensors: Mapping[TensorName, TensorEntry]
    factors: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    magnitudes: dict[str, str] = field(default_factory=dict[str, str])
    found: dict[str, Part] = field(default_factory=dict[str, Part])

    def parts(self) -> Mapping[str, Part]:
        """By the names of the model, in the order of the file. Raises E731 to E734 and E736."""
        embeddings: set[str] = set()
        for name in self.tensors:
            plain = name.removeprefix(_OUTER)
            if factor := _FACTOR.fullmatch(plain):
                self._factor(factor[1], factor[2], factor[3], name)
            elif factor := _OF_EMBEDDING.fullmatch(plain):
                embeddings.add(factor[1])
                self._factor(factor[1], factor[2], "weight", name)
            else:
                self._whole(plain, name)
        for module, pair in self.factors.items():
            if "A" not in pair or "B" not in pair:
                raise self._half(module, pair)
            self._add_factors(module, pair, turned=self.config.turned or module in embeddings)
        for module in sorted({*self.magnitudes, *(self.factors if self.config.dora else ())}):
            self._add_magnitudes(module)
        return self.found

    def _factor(self, module: str, which: str, kind: str, name: str) -> None:
        if kind == "bias":
            if which == "A":
                raise self._stray(name)
            self._add(f"{module}.bias", Step(name, self.config.scale_of(module)), name)
            return
        pair = self.factors.setdefault(module, {})
        if which in pair:
            raise self._twice(pair[which], name)
        pair[which] = name

    def _whole(self, plain: str, name: str) -> None:
        if found := _MAGNITUDES.fullmatch(plain):
            if found[1] in self.magnitudes:
                raise self._twice(self.magnitudes[found[1]], name)
            self.magnitudes[found[1]] = name
            return
        if saved := _SAVED.fullmatch(plain):
            plain = f"{saved[1]}.{saved[2]}"
        plain = plain.replace(".base_layer.", ".")
        if "lora_" in plain or ".original_module." in plain:
            raise self._stray(name)
        self._add(plain, Replacement(name), name)

    def _add(self, tensor: str, part: Part, name: str) -> None:
        if tensor in self.found:
            other = self.found[tensor]
            raise self._twice(other.tensor, name)
        self.found[tensor] = part

    def _add_factors(self, module: str, pair: Mapping[str, str], *, turned: bool) -> None:
        a, b = pair["A"], pair["B"]
        self._check_ranks(module, self.tensors[TensorName(a)], self.tensors[TensorName(b)])
        whole = self.found.pop(f"{module}.weight", None)
        onto = whole.tensor if isinstance(whole, Replacement) else None
        scale = self.config.scale_of(module)
        self.found[f"{module}.weight"] = Factors(a, b, scale, turned, onto)

    def _add_magnitudes(self, module: str) -> None:
        """They go with factors, one for each output; E736 for others."""
        part, name = self.found.get(f"{module}.weight"), self.magnitudes.get(module)
        if name is None or not isinstance(part, Factors) or not self.config.dora:
            raise self._no_magnitudes(module, name)
        out, found = self.tensors[TensorName(part.b)].shape[0], self.tensors[TensorName(name)]
        if found.numel != out or max(found.shape, default=0) != out:
            raise self._no_magnitudes(module, name)
        self.found[f"{module}.weight"] = Dora(part, name)

    def _check_ranks(self, module: str, a: TensorEntry, b: TensorEntry) -> None:
        """A is [rank, in] and B [out, rank]; of a convolution A has its axes, and B such of 1."""
        fits = len(a.shape) == len(b.shape) >= 2 and all(size == 1 for size in b.shape[2:])
        if fits and a.shape[0] == b.shape[1] == self.config.rank_of(module):
            return
        rank = self.config.rank_of(module)
        raise fail(
            "E733",
            f"the factors of {quoted(module)} in {quoted(self.path)} do not have the rank {rank}",
            notes=(
                f"A is {a.describe()} and B {b.describe()}, and the config states the rank {rank}",
                "A is [rank, in] and B [out, rank]",
            ),
            help="restore both files from the adapter's own page; they are not of one adapter",
        )

    def _half(self, module: str, pair: Mapping[str, str]) -> MergecError:
        (held,), lacking = pair, "B" if "A" in pair else "A"
        return fail(
            "E732",
            f"{quoted(self.path)} has the factor {held} of {quoted(module)} and not {lacking}",
            notes=(f"{held} is {quoted(pair[held])}",),
            help="save or download the adapter again; a change is the product of both",
        )

    def _no_magnitudes(self, module: str, name: str | None) -> MergecError:
        said = "they are missing"
        if name is not None:
            said = f"{quoted(name)} is {self.tensors[TensorName(name)].describe()}"
        stated = "true" if self.config.dora else "false"
        return fail(
            "E736",
            f"the magnitudes of {quoted(module)} in {quoted(self.path)} do not fit its factors",
            notes=(said, f"`use_dora` is {stated}; B is [out, rank], and magnitudes are [out]"),
            help="restore both files from the adapter's own page, or save it with PEFT again",
        )

    def _stray(self, name: str) -> MergecError:
        return fail(
            "E732",
            f"{quoted(self.path)} holds {quoted(name)}, which mergec cannot place",
            notes=("a tensor that is not understood is not left out silently",),
            help="save the adapter with PEFT's `save_pretrained`",
        )

    def _twice(self, first: str, second: str) -> MergecError:
        return fail(
            "E734",
            f"two tensors of {quoted(self.path)} are for one place: {quoted(first)} and"
            f" {quoted(second)}",
            notes=("names differ by what PEFT's wrappers put into them alone",),
            help="save each adapter of a model to a folder of its own",
        )


def _no_weights(folder: Folder) -> MergecError:
    for name in folder.names():
        if name.startswith("adapter") and Path(name).suffix.lower() in PICKLE_SUFFIXES:
            return refuse_pickle(folder.path / name)
    return fail(
        "E714",
        f"{quoted(folder.path)} holds no `{WEIGHTS}`",
        help="download or save the adapter again, in safetensors",
    )
