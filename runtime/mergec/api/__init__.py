"""The public Python surface of mergec. Everything not named here may change."""

from mergec.api.expansion import Expansion, expand_spec, expand_to_normal_form
from mergec.api.laws import try_laws
from mergec.api.specs import check_spec, compile_spec, format_text, load_plan, write_plan
from mergec.api.work import execute, verify_result, verify_results
from mergec.elaborate import Setting
from mergec.plugin.registry import plugins

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
    "plugins",
    "try_laws",
    "verify_result",
    "verify_results",
    "write_plan",
]
