"""From the graph as written and the headers of sources to the graph of each tensor."""

from mergec.resolve.alignments import Alignments
from mergec.resolve.findings import Findings
from mergec.resolve.key_set import KeySet, Leaf
from mergec.resolve.key_sets import KeySets
from mergec.resolve.resolver import ResolvedTensor, Resolver
from mergec.resolve.usage import ResolvedSetting, Usage

__all__ = [
    "Alignments",
    "Findings",
    "KeySet",
    "KeySets",
    "Leaf",
    "ResolvedSetting",
    "ResolvedTensor",
    "Resolver",
    "Usage",
]
