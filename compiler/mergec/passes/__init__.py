"""Graph to graph: each pass a function, the order in one list. Touches no file and no tensor."""

from mergec.passes.drop_identities import drop_identities
from mergec.passes.expand_composites import expand_composites
from mergec.passes.normalise_affine import normalise_affine
from mergec.passes.pipeline import PIPELINE, normal_form

__all__ = [
    "PIPELINE",
    "drop_identities",
    "expand_composites",
    "normal_form",
    "normalise_affine",
]
