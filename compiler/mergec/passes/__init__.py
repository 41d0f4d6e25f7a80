"""Graph to graph: each pass a function, the order in one list. Touches no file and no tensor."""

from mergec.passes.drop_dead_operands import drop_dead_operands
from mergec.passes.drop_identities import drop_identities
from mergec.passes.drop_lone_elections import drop_lone_elections
from mergec.passes.expand_composites import expand_composites
from mergec.passes.hoist_factors import hoist_factors
from mergec.passes.merge_trims import merge_trims
from mergec.passes.normalise_affine import normalise_affine
from mergec.passes.pipeline import OPTIONAL, PIPELINE, Done, Pass, normal_form, optimise, refine

__all__ = [
    "OPTIONAL",
    "PIPELINE",
    "Done",
    "Pass",
    "drop_dead_operands",
    "drop_identities",
    "drop_lone_elections",
    "expand_composites",
    "hoist_factors",
    "merge_trims",
    "normal_form",
    "normalise_affine",
    "optimise",
    "refine",
]
