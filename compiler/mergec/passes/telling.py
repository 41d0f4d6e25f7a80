"""How a pass says what it does, to those who ask: one sentence for each change."""

from collections.abc import Callable

from mergec.ir import GraphBuilder, NodeKey
from mergec.ir.labels import Labels

Tell = Callable[[str], None]
"""Gets a clause in the words of a spec, such as "`trim` with density 1 keeps everything"."""


def silent(_: str) -> None:
    """For those who do not ask."""


def sources_of(builder: GraphBuilder, key: NodeKey) -> str:
    """The sources below a node, by their labels."""
    return " and ".join(f"`{label}`" for label in sorted(Labels(builder).of(key)))
