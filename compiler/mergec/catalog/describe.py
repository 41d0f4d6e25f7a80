"""Which architecture a checkpoint has, from its tensor names and its config.json alone."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from mergec.catalog.architecture import Architecture, TensorPlace
from mergec.catalog.checkpoint import TensorName
from mergec.catalog.family import Family, fallback, family_of
from mergec.catalog.name_patterns import name_patterns
from mergec.catalog.place_names import Placing, is_number, shape_of
from mergec.frozen import frozen


def describe(names: Collection[TensorName], config: Mapping[str, Any] | None) -> Architecture:
    """The architecture that these tensor names belong to.

    The family follows from `model_type` in `config`. Without a config, for a `model_type` that no
    description names, and for names that the family's layers do not occur in, roles and layers are
    inferred from the names.

    Cost: one pass over the names.
    """
    model_type = (config or {}).get("model_type")
    family = family_of(model_type) if isinstance(model_type, str) else None
    if family is not None:
        found = _main_stacks(family, names)
        if found.stacks:
            return _architecture(found, config, described=True)
    return inferred(names, config)


def inferred(
    names: Collection[TensorName], config: Mapping[str, Any] | None = None
) -> Architecture:
    """The architecture by the words that tensor names of most families use.

    The main stack is the numbered one with the most tensors, towers for images aside, and its
    number is the first in a name. A decoder beside an encoder of the same build makes two stacks.
    """
    found = _main_stacks(_with_found_stack(fallback(), names), names)
    return _architecture(found, config, described=False)


@frozen
class _Found:
    """The rules with what is no main stack, the heads of the main stacks, and all places."""

    placing: Placing
    stacks: tuple[str, ...]
    places: Mapping[TensorName, TensorPlace]


def _main_stacks(family: Family, names: Collection[TensorName]) -> _Found:
    """The main stacks in the order of the family."""
    placing = Placing(family)
    places = {name: placing(name) for name in names}
    heads = Counter(place.head for place in places.values() if place.layer is not None)
    stacks: dict[tuple[str, ...], str] = {}
    for head in sorted(heads, key=lambda head: _rank(heads, head)):
        words = head.replace("#", "_").split(".")[:-1]  # as a shape has them
        first = next(it for it in family.stacks if not it or tuple(words[-len(it) :]) == it)
        stacks.setdefault(first, head)
    found = tuple(stacks[words] for words in family.stacks if words in stacks)
    rivals = frozenset(heads) - frozenset(found)
    placing = Placing(family, rivals)
    for name in [name for name, place in places.items() if place.head in rivals]:
        places[name] = placing(name)
    return _Found(placing, found, places)


def _with_found_stack(family: Family, names: Collection[TensorName]) -> Family:
    """The family with the main stack that the names show, instead of none."""
    heads: Counter[str] = Counter()
    vision: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        at = next((at for at, part in enumerate(parts) if is_number(part)), None)
        if at is not None:
            heads[".".join(parts[:at])] += 1
    for head in heads:
        if family.outside.fit(shape_of(f"{head}.0.weight")):
            vision[head] = heads[head]
    towers = heads - vision
    if not towers:  # nothing but vision, and so nothing to stand beside
        family, towers = replace(family, outside=name_patterns(())), vision
    if not towers:
        return family
    main = min(towers, key=lambda head: _rank(towers, head)).replace("#", "_").split(".")
    for other in (_swapped(main, "encoder", "decoder"), _swapped(main, "decoder", "encoder")):
        if other and ".".join(other) in towers:
            side_by_side = sorted([main, other], key=lambda words: "decoder" in words)
            return replace(family, stacks=tuple(map(tuple, side_by_side)))
    # The last word alone, so that the stack is found without its prefix too.
    return replace(family, stacks=(tuple(main[-1:]) if main != [""] else (),))


def _rank(heads: Counter[str], head: str) -> tuple[int, int, str]:
    """The most tensors first; of equals, such as a model and its moving average, the shortest."""
    return -heads[head], len(head), head


def _swapped(words: list[str], this: str, that: str) -> list[str] | None:
    return [that if word == this else word for word in words] if this in words else None


def _architecture(
    found: _Found, config: Mapping[str, Any] | None, *, described: bool
) -> Architecture:
    family, places = found.placing.family, found.places
    numbers = (place.layer for place in places.values() if place.layer is not None)
    path, section = _section(family, config or {})
    counts = tuple(key for key in family.count_keys if key in section)
    return Architecture(
        family=family.name,
        described=described,
        layers=max(numbers, default=-1) + 1,
        stacks=found.stacks,
        places=places,
        config_path=path,
        count_keys=counts or family.count_keys[:1],
        per_layer_keys=_lists(section, family.per_layer_keys),
        layer_index_keys=_lists(section, family.layer_index_keys),
        tied=_tied(family, places),
        units=tuple(_units(family, section, config or {})),
        ties=family.ties,
        shapes=family.shapes,
        rule=found.placing,
    )


def _section(
    family: Family, config: Mapping[str, Any]
) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Where the facts about layers stand, as far as this config has that member."""
    section = config
    for key in family.config_path:
        inner = section.get(key)
        if not isinstance(inner, dict):
            return (), config
        section = cast("dict[str, Any]", inner)
    return family.config_path, section


def _lists(section: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if isinstance(section.get(key), list))


def _units(family: Family, section: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """The family's groups of axes with their numbers of units, but where config has no such."""
    for axes, keys in family.units:
        found = (_member(part, key) for key in keys for part in (section, config))
        count = next((number for number in found if isinstance(number, int) and number > 0), None)
        if not keys:
            yield ", ".join(axes)
        elif count is not None:
            yield ", ".join(
                axis.replace("]", f"{count}]" if "/" in axis else f" / {count}]") for axis in axes
            )


def _member(section: Mapping[str, Any], key: str) -> object:
    """What a key has, where dots lead into members; None for none."""
    *path, last = key.split(".")
    for part in path:
        inner = section.get(part)
        if not isinstance(inner, dict):
            return None
        section = cast("dict[str, Any]", inner)
    return section.get(last)


def _tied(family: Family, names: Collection[TensorName]) -> tuple[tuple[str, str], ...]:
    """For each pair of the family, the embedding among the names and the head that it may be."""
    found: list[tuple[str, str]] = []
    held = set(names)
    for heads, embeddings in family.tied:
        for embedding in embeddings:
            behind = f".{embedding}"
            ends = [name for name in held if name == embedding or name.endswith(behind)]
            if ends:
                _, name = min((len(end), end) for end in ends)
                prefix = name.removesuffix(embedding)
                head = next((it for it in heads if TensorName(prefix + it) in held), heads[0])
                found.append((prefix + head, name))
                break
    return tuple(found)
