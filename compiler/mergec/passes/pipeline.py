"""The passes in the order they run. Order is a decision, so it stands in one list."""

from collections.abc import Callable

from mergec.ir import Graph, verify_graph
from mergec.passes.drop_identities import drop_identities
from mergec.passes.expand_composites import expand_composites
from mergec.passes.normalise_affine import normalise_affine

Pass = Callable[[Graph], Graph]

PIPELINE: tuple[Pass, ...] = (
    expand_composites,
    # before the sums, because an end point or a full density leaves its operand bare
    drop_identities,
    normalise_affine,
)


def normal_form(graph: Graph) -> Graph:
    """Run every pass, with the structural verifier after each."""
    for run in PIPELINE:
        graph = verify_graph(run(graph))
    return graph
