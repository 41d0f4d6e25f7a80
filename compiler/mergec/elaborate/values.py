"""What the names and expressions of a spec stand for, and what a whole spec comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import Diagnostic, Span
from mergec.ir import Graph, NodeKey


@dataclass(frozen=True, slots=True, order=True)
class Mask:
    """A random mask: the stage that applies it, and seed, role and label that it is drawn from."""

    stage: NodeKey
    drawn_from: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Weights:
    """A value with tensors: a model (mass 1), a delta (mass 0), or a blend on the way to one.

    `donor` is the label of the source whose tensor names, dtypes and small files the value takes:
    the base's, else the first operand's. `base` is what a delta is relative to, None if it is
    relative to no single point. `points` are the models a model was built from by adding deltas,
    itself included. `draws` counts the random masks on the longest path below, `masks` are all.
    """

    key: NodeKey
    mass: Fraction
    donor: str
    base: NodeKey | None = None
    points: frozenset[NodeKey] = frozenset()
    draws: int = 0
    masks: frozenset[Mask] = frozenset()


@dataclass(frozen=True, slots=True)
class Bytes:
    """A size literal's value."""

    count: int


class Poison:
    """Stands for an expression that already has an error, so that no consequence is reported."""


POISON: Final = Poison()

Literal = Fraction | str | bool | Bytes | tuple["Literal", ...]
Meaning = Weights | Literal | Poison


@dataclass(frozen=True, slots=True)
class SourceDecl:
    """One `model(...)`: its label, the reference as written, the revision, and where it stands."""

    label: str
    ref: str
    rev: str | None
    key: NodeKey
    span: Span


@dataclass(frozen=True, slots=True)
class ExportDecl:
    """What a spec writes. `dtype` None means each tensor keeps its donor's dtype.

    `shard_bytes` is the largest size of an output file's data.
    """

    name: str
    node: NodeKey
    donor: str
    delta: bool
    implicit: bool
    dtype: Dtype | None
    shard_bytes: int
    docs: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Elaborated:
    """A spec with every name resolved and every type checked: the operator graph as written.

    `spans` tells where a node was written first, `names` what a binding calls it; neither is part
    of its meaning.
    """

    graph: Graph
    sources: tuple[SourceDecl, ...]
    export: ExportDecl
    spans: Mapping[NodeKey, Span]
    names: Mapping[NodeKey, str]
    warnings: tuple[Diagnostic, ...]
