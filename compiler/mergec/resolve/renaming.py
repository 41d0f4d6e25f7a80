"""`rename`: rules with at most one `*`, tried in order, and the tensors they lead to."""

from collections.abc import Mapping, Sequence
from typing import Any

from mergec.catalog import TensorName
from mergec.catalog.describe import describe
from mergec.catalog.tensor_table import MAX_NAME_BYTES
from mergec.diagnostics import Span, fail
from mergec.ir import Node, Value
from mergec.resolve.key_set import KeySet, Leaf

_SHOWN = 3
_METADATA = "__metadata__"  # what a header calls its free texts; no tensor can have that name


def renamed_keys(
    part: KeySet, node: Node, config: Mapping[str, Any] | None, span: Span | None
) -> KeySet:
    """The key set of `rename(part, ...)`; `config` is that of its donor. Raises E410."""
    rules = _rules(node.param("rules"))
    origins: dict[str, Leaf] = {}
    used: set[int] = set()
    back: dict[str, str] = {}
    for name, leaf in part.origins.items():
        number, new = renamed(rules, name)
        if number is not None:
            used.add(number)
            _check_name(new, name, span)
        if new in origins:
            raise fail(
                "E410",
                f"`{back[new]}` and `{name}` would both be called `{new}`",
                span,
                help="rename both, or leave one out with `select`",
            )
        origins[new], back[new] = leaf, name
    for number, (old, _) in enumerate(rules):
        if number not in used:
            names = ", ".join(f"`{name}`" for name in list(part.origins)[:_SHOWN])
            raise fail(
                "E410",
                f'no tensor is called as `"{old}"` says',
                span,
                notes=(f"the tensors are {names} ...",),
                help="write a pattern that fits a tensor's whole name",
            )
    architecture = describe([TensorName(name) for name in origins], config)
    routes = {new: (0, name) for new, name in back.items()}
    return KeySet(part.donor, origins, architecture, part.layers, True, routes)


def renamed(rules: Sequence[tuple[str, str]], name: str) -> tuple[int | None, str]:
    """The number of the first rule that fits `name`, and the new name; the old one if none fits.

    >>> renamed([("language_model.*", "*")], "language_model.model.norm.weight")
    (0, 'model.norm.weight')
    >>> renamed([("language_model.*", "*")], "vision_tower.norm.weight")
    (None, 'vision_tower.norm.weight')
    """
    for number, (old, new) in enumerate(rules):
        before, star, after = old.partition("*")
        if not star and name == old:
            return number, new
        fits = len(name) >= len(before) + len(after)
        if star and fits and name.startswith(before) and name.endswith(after):
            kept = name[len(before) : len(name) - len(after)]
            return number, new.replace("*", kept)
    return None, name


def _check_name(new: str, old: str, span: Span | None) -> None:
    """E410 for a name that no safetensors file can hold."""
    wrong = ""
    if not new or new == _METADATA:
        wrong = "cannot be the name of a tensor"
    elif len(new.encode()) > MAX_NAME_BYTES:
        wrong = f"is longer than {MAX_NAME_BYTES} bytes"
    elif not new.isprintable():
        wrong = "has a control character in it"
    if wrong:
        raise fail(
            "E410",
            f"the new name of `{old}` {wrong}",
            span,
            help="write a plain name such as `model.norm.weight`",
        )


def _rules(value: Value) -> list[tuple[str, str]]:
    assert isinstance(value, tuple)
    return [(str(rule[0]), str(rule[1])) for rule in value if isinstance(rule, tuple)]
