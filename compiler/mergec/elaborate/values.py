"""What the names and expressions of a spec stand for, and what a whole spec comes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from typing import Literal as Word

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import Diagnostic, Span
from mergec.frozen import frozen
from mergec.ir import Amount, Condition, Graph, NodeKey
from mergec.ir.schedule import Choice
from mergec.syntax.nodes import Expr, SpecFile

NonFinite = Word["error", "propagate", "base"]
"""What a run does about elements of sources that are NaN or infinite."""


@dataclass(frozen=True, slots=True, order=True)
class Mask:
    """A random mask: the stage that applies it, and seed, role and label that it is drawn from."""

    stage: NodeKey
    drawn_from: tuple[str, str, str]


@frozen
class Weights:
    """A value with tensors: a model (mass 1), a delta (mass 0), or a blend on the way to one.

    `donor` is the label of the source whose tensor names, dtypes and small files the value takes:
    the base's, else the first operand's. `base` is what a delta is relative to, None if it is
    relative to no single point, and `ANY_BASE` if that is still open. `points` are the models a
    model was built from by adding deltas, itself included. `draws` counts the random masks on the
    longest path below, `masks` are all. Both sets are for warnings, and end at a size that no
    recipe reaches. `rearranged` says that layers or tensor names were changed somewhere below.
    """

    key: NodeKey
    mass: Amount
    donor: str
    base: NodeKey | None = None
    points: frozenset[NodeKey] = frozenset()
    draws: int = 0
    masks: frozenset[Mask] = frozenset()
    rearranged: bool = False


ANY_BASE: Final = NodeKey("any base")
"""The base of a delta of adapters alone: it fits whatever model it is added to."""


@frozen
class Bytes:
    """A size literal's value."""

    count: int


@frozen
class Rest:
    """The operands that a macro's `*rest` collected, each with how it was written."""

    items: "tuple[tuple[Expr, Meaning], ...]"


class Poison:
    """Stands for an expression that already has an error, so that no consequence is reported."""


POISON: Final = Poison()

_MOST = 100
_Kept = TypeVar("_Kept")


def gathered(key: _Kept | None, *sets: frozenset[_Kept]) -> frozenset[_Kept]:
    """The union of `sets` with `key`, or `key` alone where that is too much to carry along."""
    own: frozenset[_Kept] = frozenset() if key is None else frozenset({key})
    every = own.union(*sets)
    return every if len(every) <= _MOST else own


def common_base(bases: Iterable[NodeKey | None]) -> NodeKey | None:
    """The base of what is made of deltas of these, None if they have no single one."""
    known = {base for base in bases if base != ANY_BASE}
    return next(iter(known), ANY_BASE) if len(known) < 2 else None


def donor_of(values: Sequence[Weights]) -> str:
    """Whose tensor names the first of some operands gives; an adapter has those of its model."""
    named = (value.donor for value in values if value.base != ANY_BASE)
    return next(named, values[0].donor)


Literal = Amount | str | bool | Bytes | tuple["Literal", ...]
Meaning = Weights | Literal | Rest | Poison


@frozen
class SourceDecl:
    """One `model(...)` or `adapter(...)`: label, reference as written, revision, and place.

    A relative path starts at the folder of the spec that is compiled, also where a used spec in
    another folder names it.
    """

    label: str
    ref: str
    rev: str | None
    key: NodeKey
    span: Span
    is_adapter: bool = False


@frozen
class TokenRow:
    """Where the vector of a token comes from: the source `label`, or nowhere, which is zeros.

    `of` is another token of that source, or an id; None for the token itself. With `force` it is
    used in place of the vectors of sources that have the token.
    """

    token: str
    label: str | None
    of: str | int | None
    force: bool
    span: Span = field(compare=False, repr=False)


@frozen
class TokenizerDecl:
    """Whose vocabulary an export has: that of a source, of several together, or that at `path`.

    With neither labels nor path it is the donor's. The number of rows is made a multiple of
    `multiple`; `rows` are settled one by one.
    """

    labels: tuple[str, ...]
    path: str | None
    multiple: int
    rows: tuple[TokenRow, ...]
    span: Span = field(compare=False, repr=False)

    @property
    def named(self) -> frozenset[str]:
        """The labels of all sources that it names."""
        return frozenset((*self.labels, *(row.label for row in self.rows if row.label)))


@frozen
class ExportDecl:
    """What a spec writes. `dtype` None means each tensor keeps its donor's dtype.

    `shard_bytes` is the largest size of an output file's data. `tokenizer` is None where the spec
    does not say, which is the donor's. A delta of adapters alone is written as an adapter, and so
    is one that `svd` made. `nonfinite` says what becomes of NaN and infinities in sources.
    """

    name: str
    node: NodeKey
    donor: str
    delta: bool
    implicit: bool
    dtype: Dtype | None
    shard_bytes: int
    tokenizer: TokenizerDecl | None
    docs: tuple[str, ...]
    span: Span
    is_adapter: bool = False
    nonfinite: NonFinite = "error"


@frozen
class Contract:
    """A `require`: what must hold, as data and `text` as written on one line, and why."""

    condition: Condition
    text: str
    why: str
    span: Span


@frozen
class Places:
    """Where the spec says things; no part of its meaning.

    `nodes` tells where a node was written first, `names` what a binding calls it, `parameters`
    where the value of a node's parameter stands, `arms` where those of a choice do.
    """

    nodes: Mapping[NodeKey, Span]
    names: Mapping[NodeKey, str]
    parameters: Mapping[tuple[NodeKey, str], Span]
    arms: Mapping[Choice | NodeKey, tuple[Span, ...]]


@frozen
class Elaborated:
    """A spec with every name resolved and every type checked: the operator graph as written.

    `parameters` are the values of the spec's parameters as text, `settings` those that were given
    from outside and `imports` the texts of used specs by path, both as a bundle takes them.
    `specs` are the syntax trees: this spec's, then those of the specs it uses. `without` names the
    passes that are not to run. `adapted` has the models that each adapter is added to.
    """

    graph: Graph
    sources: tuple[SourceDecl, ...]
    exports: tuple[ExportDecl, ...]
    contracts: tuple[Contract, ...]
    places: Places
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    imports: Mapping[str, str]
    warnings: tuple[Diagnostic, ...]
    specs: tuple[SpecFile, ...]
    without: tuple[str, ...] = ()
    adapted: Mapping[NodeKey, tuple[NodeKey, ...]] = field(
        default_factory=dict[NodeKey, tuple[NodeKey, ...]]
    )
