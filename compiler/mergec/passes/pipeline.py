"""The passes in the order they run. Order is a decision, so it stands in one list."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import field
from typing import Literal

from mergec.frozen import frozen
from mergec.ir import Graph, verify_graph
from mergec.passes.drop_dead_operands import drop_dead_operands
from mergec.passes.drop_identities import drop_identities
from mergec.passes.drop_lone_elections import drop_lone_elections
from mergec.passes.expand_composites import expand_composites
from mergec.passes.hoist_factors import hoist_factors
from mergec.passes.merge_trims import merge_trims
from mergec.passes.normalise_affine import normalise_affine
from mergec.passes.telling import Tell, silent

Kind = Literal["normal form", "bitwise"]


@frozen
class Pass:
    """Graph to graph, and what is to be known about it.

    Passes of the normal form define what a spec means: rounding depends on them, so they always
    run. The others change no bit of a result and can be switched off. `after` names the passes that
    must have run before; otherwise the order is free. `does` is one clause for people.
    """

    run: Callable[[Graph, Tell], Graph]
    kind: Kind
    does: str
    after: tuple[str, ...] = ()
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", getattr(self.run, "__name__", ""))

    def __call__(self, graph: Graph, tell: Tell = silent) -> Graph:
        """The graph after it."""
        return self.run(graph, tell)

    @property
    def optional(self) -> bool:
        """Whether it can be switched off."""
        return self.kind == "bitwise"


PIPELINE: tuple[Pass, ...] = (
    Pass(expand_composites, "normal form", "replaces operators by the stages that they mean"),
    Pass(
        drop_identities,
        "normal form",
        "drops stages that change nothing, and what only they read",
        # before the sums, because an end point or a full density leaves its operand bare
        after=("expand_composites",),
    ),
    Pass(
        normalise_affine,
        "normal form",
        "makes one sum of sums of sums, with exact coefficients",
        after=("drop_identities",),
    ),
    Pass(
        drop_dead_operands,
        "bitwise",
        "leaves out operands of weight 0, and what only they read",
        after=("normalise_affine",),
    ),
    Pass(
        drop_lone_elections,
        "bitwise",
        "drops elections with one voter, and averages of one",
        after=("normalise_affine",),
    ),
    Pass(
        hoist_factors,
        "bitwise",
        "moves powers of two out of trims and drops into sums",
        after=("normalise_affine",),
    ),
    Pass(
        merge_trims,
        "bitwise",
        "makes one trim of trims that follow each other",
        after=("normalise_affine",),
    ),
)

OPTIONAL: tuple[str, ...] = tuple(each.name for each in PIPELINE if each.optional)
"""The names of the passes that can be switched off."""


@frozen
class Done:
    """A pass on one graph: what it made of it, and what it says that it did."""

    by: Pass
    before: Graph
    after: Graph
    told: tuple[str, ...]


def normal_form(graph: Graph) -> Graph:
    """What a graph means, by stages: the passes that cannot be switched off."""
    return optimise(graph, OPTIONAL)


def refine(graph: Graph, without: Collection[str] = ()) -> Graph:
    """Run the passes that change no bit on what is in normal form, but for those in `without`."""
    return _run([each for each in PIPELINE if each.optional and each.name not in without], graph)


def optimise(
    graph: Graph, without: Collection[str] = (), record: list[Done] | None = None
) -> Graph:
    """Run every pass but the optional ones in `without`, with the structural verifier after each.

    What each did is appended to `record`.
    """
    chosen = [each for each in PIPELINE if not (each.optional and each.name in without)]
    return _run(chosen, graph, record)


def _run(passes: Iterable[Pass], graph: Graph, record: list[Done] | None = None) -> Graph:
    for each in passes:
        before, told = graph, list[str]()
        graph = each(graph, silent if record is None else told.append)
        if graph is not before:
            verify_graph(graph)
        if record is not None:
            record.append(Done(each, before, graph, tuple(told)))
    return graph
