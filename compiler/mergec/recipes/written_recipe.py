"""A recipe as data, and its YAML: settings stand at the highest level that says the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from mergec.frozen import frozen
from mergec.syntax.literals import string_text

Settings = Mapping[str, str]
"""Parameters with their values as YAML."""


@frozen
class Entry:
    """A model of a slice: its reference as YAML, the layers that are taken, its settings."""

    model: str
    layers: tuple[int, int] | None = None
    settings: Settings = field(default_factory=dict[str, str])

    @property
    def count(self) -> int | None:
        """How many layers are taken; None for all."""
        return self.layers[1] - self.layers[0] if self.layers else None


@frozen
class Part:
    """What makes all layers, or some: a method over models.

    `listed` says that the base is written out among the models.
    """

    method: str
    entries: tuple[Entry, ...]
    base: Entry | None = None
    shared: Settings = field(default_factory=dict[str, str])
    listed: bool = False

    @property
    def layers(self) -> int | None:
        """How many layers it makes, where it says so."""
        return self.entries[0].count


@frozen
class Document:
    """One merge. `name` is that of a stage which other documents merge on; `tail` ends it."""

    name: str
    parts: tuple[Part, ...]
    tail: tuple[str, ...] = ()


def yaml_text(documents: Sequence[Document]) -> str:
    """The text of a recipe."""
    return "---\n".join("".join(f"{line}\n" for line in _lines(each)) for each in documents)


def plain(words: str) -> str:
    """A text of YAML; quoted where it might be read as something else."""
    simple = words.replace("_", "a").replace(".", "a").isalnum() and words.isascii()
    reserved = words.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return words if simple and words[0].isalpha() and not reserved else string_text(words)


def _lines(document: Document) -> Iterable[str]:
    if document.name:
        yield f"name: {document.name}"
    parts = [_hoisted(part) for part in document.parts]
    shared = _common([part.shared for part in parts])
    parts = [replace(part, shared=_without(part.shared, shared)) for part in parts]
    bases = {part.base.model for part in parts if part.base}
    whole = len(parts) == 1 and parts[0].layers is None
    yield from _models(parts[0]) if whole else _slices(parts, own_base=len(bases) > 1)
    yield f"merge_method: {parts[0].method}"
    if len(bases) == 1:
        yield f"base_model: {bases.pop()}"
    if whole:
        shared = {**shared, **parts[0].shared}
    yield from _parameters(shared, "")
    yield from document.tail


def _models(part: Part) -> Iterable[str]:
    yield "models:"
    for entry in _entries(part, slices=False):
        yield f"  - model: {entry.model}"
        yield from _parameters(entry.settings, "    ")


def _slices(parts: Sequence[Part], *, own_base: bool) -> Iterable[str]:
    yield "slices:"
    for part in parts:
        yield "  - sources:"
        for entry in _entries(part, slices=True):
            low, high = entry.layers or (0, 0)
            yield f"      - model: {entry.model}"
            yield f"        layer_range: [{low}, {high}]"
            yield from _parameters(entry.settings, "        ")
        if own_base and part.base:
            yield f"    base_model: {part.base.model}"
        yield from _parameters(part.shared, "    ")


def _entries(part: Part, *, slices: bool) -> Sequence[Entry]:
    """The models of a part; mergekit adds a base by itself only where there are no slices."""
    if part.base is None or (not part.listed and not slices):
        return part.entries
    return (part.base, *part.entries) if part.listed else (*part.entries, part.base)


def _parameters(settings: Settings, indent: str) -> Iterable[str]:
    if settings:
        yield f"{indent}parameters:"
    for name, value in settings.items():
        yield f"{indent}  {name}: {value}"


def _hoisted(part: Part) -> Part:
    """The settings that all models have alike, said once."""
    common = _common([entry.settings for entry in part.entries])
    entries = [replace(it, settings=_without(it.settings, common)) for it in part.entries]
    return replace(part, entries=tuple(entries), shared={**common, **part.shared})


def _common(every: Sequence[Settings]) -> dict[str, str]:
    first, *others = every
    return {
        name: value
        for name, value in first.items()
        if all(each.get(name) == value for each in others)
    }


def _without(settings: Settings, common: Settings) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name not in common}
