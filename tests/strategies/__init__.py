"""Generators of the tests: random well-typed specs over the whole language, and small checkpoints.

A generated spec always compiles and never overflows on its checkpoints. Three kinds:

- `exact`: on dyadic tensors every step is exact in float32, so a run must equal the rationals;
- `smooth`: roundings happen, but nothing that jumps (trim, ties, slerp at zero) looks at a
  rounded value, so a run is near the rationals;
- `any`: all of the language.
"""

from tests.strategies.checkpoints import Checkpoints, checkpoints, entry, fraction_list
from tests.strategies.expressions import Kind
from tests.strategies.specs import SpecText, specs

__all__ = ["Checkpoints", "Kind", "SpecText", "checkpoints", "entry", "fraction_list", "specs"]
