"""Operators of your own: what a plugin file imports (`docs/your-own-operator.md`).

A plugin declares operators with `operator`, `parameter`, `law` and `equation`. How mergec records
what their kernels compute, and how it finds and loads them, stands in the other modules here.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.ops.law import equation
    from mergec.plugin.declare import INTERFACE, law, operator, parameter

__all__ = ["INTERFACE", "equation", "law", "operator", "parameter"]


def __getattr__(name: str) -> object:
    # Imported by the plugin that uses them: most commands have none, and are quick.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mergec.ops import law
    from mergec.plugin import declare

    return getattr(law if name == "equation" else declare, name)
