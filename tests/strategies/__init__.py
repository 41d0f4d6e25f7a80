"""Generators of the tests: random well-typed specs over the whole language, and small checkpoints.

A generated spec always compiles and never overflows on its checkpoints. Four kinds:

- `exact`: on dyadic tensors every step is exact in float32, so a run must equal the rationals;
- `smooth`: roundings happen, but nothing that jumps (trim, ties, slerp at zero) looks at a
  rounded value, so a run is near the rationals;
- `stated`: all operators of which `mergec.verify.exact` states what they mean on rationals;
- `any`: all of the language.

Operators are written by one file for each family (averages, single deltas, consensus, arcs), a row
for each operator; one that is new needs a row there.
"""

from tests.strategies.checkpoints import Checkpoints, checkpoints, entry, fraction_list
from tests.strategies.offer import Kind
from tests.strategies.outcomes import UNDEFINED, defined
from tests.strategies.specs import SpecText, specs

__all__ = [
    "UNDEFINED",
    "Checkpoints",
    "Kind",
    "SpecText",
    "checkpoints",
    "defined",
    "entry",
    "fraction_list",
    "specs",
]
