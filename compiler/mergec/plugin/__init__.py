"""Operators of your own: what a plugin file imports (`docs/your-own-operator.md`).

A plugin declares operators with `operator`, `parameter`, `law` and `equation`. How mergec records
what their kernels compute, and how it finds and loads them, stands in the other modules here.
"""

from mergec.ops.law import equation
from mergec.plugin.declare import INTERFACE, law, operator, parameter

__all__ = ["INTERFACE", "equation", "law", "operator", "parameter"]
