"""The public Python surface of mergec. Everything not named here may change."""

from mergec.api.expansion import Expansion, expand_spec, expand_to_normal_form
from mergec.api.specs import check_spec, compile_spec, format_text, load_plan, write_plan
from mergec.api.work import execute, verify_result, verify_results
from mergec.elaborate import Setting

__all__ = [
    "Expansion",
    "Setting",
    "check_spec",
    "compile_spec",
    "execute",
    "expand_spec",
    "expand_to_normal_form",
    "format_text",
    "load_plan",
    "verify_result",
    "verify_results",
    "write_plan",
]
