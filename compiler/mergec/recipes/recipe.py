"""A recipe of mergekit as data: what it says, with the places where it says so."""

from collections.abc import Mapping
from dataclasses import field

from mergec.diagnostics import Span
from mergec.frozen import frozen
from mergec.recipes.yaml_tree import Scalar


@frozen
class Reference:
    """A model, perhaps with an adapter merged into it. Two are equal if they are one model."""

    path: str
    revision: str | None
    lora: str | None
    lora_revision: str | None
    span: Span = field(compare=False, repr=False)

    @property
    def plain(self) -> "Reference":
        """Without its adapter."""
        return Reference(self.path, self.revision, None, None, self.span)

    def __str__(self) -> str:
        model = f"{self.path}@{self.revision}" if self.revision else self.path
        lora = f"{self.lora}@{self.lora_revision}" if self.lora_revision else self.lora
        return f"{model}+{lora}" if lora else model


@frozen
class Rule:
    """Values for the tensors whose name holds `filter`; None for all. Several are a gradient."""

    filter: str | None
    values: tuple[Scalar, ...]
    span: Span


@frozen
class Setting:
    """A parameter: the first rule that fits a tensor decides."""

    rules: tuple[Rule, ...]
    key: Span


Settings = Mapping[str, Setting]


@frozen
class Input:
    """A model of a slice, the layers that are taken of it (None for all), and its settings."""

    model: Reference
    layers: tuple[int, int] | None
    settings: Settings
    span: Span


@frozen
class Slice:
    """Layers of the output, made from the same number of layers of each input."""

    inputs: tuple[Input, ...]
    base: Reference | None
    settings: Settings
    span: Span


@frozen
class Module:
    """A part of the model, such as its vision tower; the name is empty for all of it."""

    name: str
    slices: tuple[Slice, ...]
    settings: Settings
    span: Span


@frozen
class TokenRow:
    """Whose row a token has: of `model`, perhaps that of another token, or zeros for None."""

    token: str
    model: Reference | None
    of: str | int | None
    force: bool
    span: Span


@frozen
class Tokenizer:
    """`source` is `union`, `base` or a model."""

    source: str | Reference
    rows: tuple[TokenRow, ...]
    pad_to_multiple_of: int | None
    span: Span


@frozen
class Recipe:
    """One document. `name` is that of a stage of several; `method` a name that need not exist."""

    name: Scalar | None
    method: Scalar
    base: Reference | None
    modules: tuple[Module, ...]
    settings: Settings
    dtype: str | None
    out_dtype: str | None
    tokenizer: Tokenizer | None
    chat_template: Span | None
    span: Span
    dtype_span: Span | None
