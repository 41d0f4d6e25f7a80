"""The public Python surface of mergec. Everything not named here may change."""

from mergec.api.specs import check_spec, compile_spec, format_text, load_plan, write_plan
from mergec.api.work import execute, verify_result

__all__ = [
    "check_spec",
    "compile_spec",
    "execute",
    "format_text",
    "load_plan",
    "verify_result",
    "write_plan",
]
