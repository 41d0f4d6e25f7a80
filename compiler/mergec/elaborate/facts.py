"""What contracts can ask of values: facts from headers, and statistics of the weights."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mergec.frozen import frozen
from mergec.ops.measures import MEASURES

Kind = Literal["number", "text", "bool", "tokenizer"]


@frozen
class FactDecl:
    """`name(operands)`: what kind of thing it is, and how many operands it takes."""

    name: str
    kind: Kind
    operands: tuple[int, int | None]
    doc: str
    statistic: bool = False


_METADATA = (
    FactDecl("license", "text", (1, 1), "licence that the model card states, `unknown` if none"),
    FactDecl("params", "number", (1, 1), "number of elements of all tensors"),
    FactDecl("tokenizer", "tokenizer", (1, 1), "the tokenizer's files, to be compared"),
    FactDecl("dtype", "text", (1, 1), "dtypes of the floating-point tensors, such as `bf16`"),
    FactDecl("layer_count", "number", (1, 1), "number of layers"),
)
_STATISTICS = tuple(
    FactDecl(m.name, "bool" if m.name == "finite" else "number", m.operands, m.doc, statistic=True)
    for m in MEASURES.values()
)
FACTS: Mapping[str, FactDecl] = MappingProxyType({f.name: f for f in (*_METADATA, *_STATISTICS)})
"""Every fact by its name."""
