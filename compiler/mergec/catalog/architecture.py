"""What a checkpoint's tensor names say of it: the role of each tensor and its layer."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Literal

from mergec.catalog.checkpoint import TensorName
from mergec.frozen import frozen

ROLES: tuple[str, ...] = (
    "embed", "attn", "mlp", "norm", "head", "router", "expert", "vision", "bias",
)  # fmt: skip

Side = Literal["before", "in", "after"]


@frozen
class TensorPlace:
    """Where a tensor belongs.

    `layer` is its number in its main stack, None outside one. `side` says whether it comes before
    the layers, stands in one, or comes after them. In a layer the name is `head`, `layer`, `tail`
    written together, as `model.layers.`, 3, `.mlp.up_proj.weight`; else `head` is the whole name.
    """

    roles: frozenset[str]
    layer: int | None
    side: Side
    head: str
    tail: str

    def renumbered(self, layer: int) -> str:
        """The name that this tensor has in another layer; only for a tensor in a layer."""
        if self.layer is None:
            raise ValueError(f"{self.head!r} is in no layer")
        return f"{self.head}{layer}{self.tail}"


def _nowhere(name: str) -> TensorPlace:
    return TensorPlace(frozenset(), layer=None, side="before", head=name, tail="")


@frozen
class Architecture:
    """Roles and layers of one checkpoint.

    `family` names the description in use; `described` is False where it is `names`, the words that
    most families use. `layers` counts the layers of the longest main stack, the highest number
    among the names plus one; 0 where there is none. `stacks` are the heads of the main stacks,
    `("model.layers.",)`, or two for an encoder with a decoder. `places` has every name described.

    In config.json the facts about layers stand in the member `config_path`: `count_keys` hold the
    number of layers, `per_layer_keys` a list with one entry a layer, `layer_index_keys` a list of
    layer numbers. They are those that the config has, and the first of `count_keys` where it has
    none of them. `tied` pairs the name of a head with that of the embedding which it is when
    `tie_word_embeddings` is set; such a head need not be among the names. `units` has the groups of
    axes whose units may be reordered together, as texts (`mergec.ops.units`). `ties` says that the
    head is tied where the config is silent. `shapes` has the sizes that settings give to the axes
    of tensors, by the ends of their names.
    """

    family: str
    described: bool
    layers: int
    stacks: tuple[str, ...]
    places: Mapping[TensorName, TensorPlace]
    config_path: tuple[str, ...]
    count_keys: tuple[str, ...]
    per_layer_keys: tuple[str, ...]
    layer_index_keys: tuple[str, ...]
    tied: tuple[tuple[str, str], ...]
    units: tuple[str, ...] = ()
    ties: bool = False
    shapes: Mapping[str, str] = field(default_factory=dict[str, str])
    rule: Callable[[str], TensorPlace] = field(default=_nowhere, repr=False, compare=False)

    def place(self, name: str) -> TensorPlace:
        """The place of `name` by the same rules, be it one of the names described or another.

        Another layer number or another prefix changes nothing; no name is refused.
        """
        return self.places.get(TensorName(name)) or self.rule(name)
