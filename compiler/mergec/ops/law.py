"""Laws as data: what an operator promises, for `mergec.verify` to test."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mergec.ir import Value


@dataclass(frozen=True, slots=True)
class Law:
    """One claim about an operator.

    `name` is a law the verifier knows; `params` are the operator parameters it is claimed at;
    `tolerance` is the relative error allowed, and 0 means bit for bit.
    """

    name: str
    params: Mapping[str, Value] = field(default_factory=dict[str, Value])
    tolerance: float = 0.0
