"""Architecture families as data: one TOML file each in the folder `families`.

A file says under which `model_type` values of config.json the family goes, where its layers are,
and which tensor names have which role. Patterns are globs over the *shape* of a name: the name with
each number among its dotted parts written `#`, as `model.layers.#.mlp.experts.#.w1.weight`. They
hold from any dot on, so that a prefix more or less changes nothing, and for any case. `!` before a
pattern takes away what the others of its list give. `like = "llama"` takes over what the file does
not say itself; lists are taken over whole.

A table `units` lists axes of tensors in a layer that carry neurons, or heads, which may be put in
another order together (`mergec.ops.units`). `count` are config keys, the first that there is says
how many units of equal width they have; `vision_config.num_attention_heads` is one in a member.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mergec.catalog.name_patterns import NamePatterns, name_patterns

FALLBACK = "names"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One architecture family.

    `stacks` are the dotted parts in front of a layer's number, each a main stack, the first that
    fits a name first: `("encoder", "block")`. Names that fit `outside` are in no main stack.
    Names outside the layers come before them where they fit `before`, after them where they fit
    `after`, and else by role. `tied` holds the alternatives for the names of a head and of the
    embedding that it is when `tie_word_embeddings` is set. `units` has the axes of each group, and
    the config keys for the number of its units, none where there is one at each index. `ties` says
    that loaders tie the head where config.json is silent. `shapes` has by the end of a name the
    sizes of its axes, as products of settings.
    """

    name: str
    model_types: tuple[str, ...]
    stacks: tuple[tuple[str, ...], ...]
    outside: NamePatterns
    roles: Mapping[str, NamePatterns]
    before: NamePatterns
    after: NamePatterns
    config_path: tuple[str, ...]
    count_keys: tuple[str, ...]
    per_layer_keys: tuple[str, ...]
    layer_index_keys: tuple[str, ...]
    tied: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    units: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    ties: bool
    shapes: Mapping[str, str]


def family_of(model_type: str) -> Family | None:
    """The family that serves this `model_type`; None for one that no file names."""
    # Only files that have the word are parsed, for a spec has models of one family or two.
    likely = [name for name, text in _texts().items() if f'"{model_type}"' in text]
    return next((it for it in map(_named, likely) if model_type in it.model_types), None)


def fallback() -> Family:
    """The words that tensor names of most families use, for those that have no file."""
    return _named(FALLBACK)


def families() -> Mapping[str, Family]:
    """All families by name, in alphabetical order."""
    return {name: _named(name) for name in _texts()}


@cache
def _texts() -> Mapping[str, str]:
    """The text of each file by the name of its family, which is that of the file, in order."""
    from importlib.resources import files

    folder = files("mergec.catalog").joinpath("families")
    found = {file.name: file for file in folder.iterdir() if file.name.endswith(".toml")}
    return {
        name.removesuffix(".toml"): found[name].read_text(encoding="utf-8")
        for name in sorted(found)
    }


@cache
def _named(name: str) -> Family:
    return _family(_whole(name))


def _whole(name: str) -> dict[str, Any]:
    """A family's table with what it takes over from the family it is like."""
    import tomllib  # here alone: most commands look at no name

    chain = [tomllib.loads(_texts()[name])]
    while "like" in chain[-1]:
        chain.append(tomllib.loads(_texts()[chain[-1]["like"]]))
    whole: dict[str, Any] = {"roles": {}, "config": {}, "shapes": {}}
    for table in reversed(chain):
        parts = {part: whole[part] | table.get(part, {}) for part in ("roles", "config", "shapes")}
        whole |= {**table, **parts}
    return whole


def _family(table: Mapping[str, Any]) -> Family:
    config = table["config"]
    return Family(
        name=table["name"],
        model_types=tuple(table["model_types"]),
        stacks=tuple(tuple(stack.removesuffix(".#").split(".")) for stack in table["stacks"]),
        outside=name_patterns(table.get("outside", ())),
        roles={role: name_patterns(globs) for role, globs in table["roles"].items()},
        before=name_patterns(table.get("before", ())),
        after=name_patterns(table.get("after", ())),
        config_path=tuple(config.get("path", ())),
        count_keys=tuple(config.get("count", ())),
        per_layer_keys=tuple(config.get("per_layer", ())),
        layer_index_keys=tuple(config.get("layer_indexes", ())),
        tied=tuple((tuple(pair["head"]), tuple(pair["embed"])) for pair in table.get("tied", ())),
        units=tuple(
            (tuple(group["axes"]), tuple(group.get("count", ())))
            for group in table.get("units", ())
        ),
        ties=config.get("ties", False),
        shapes=table["shapes"],
    )
