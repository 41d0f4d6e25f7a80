"""The public Python surface of mergec. Everything not named here may change.

A name is imported when it is first used: who compiles specs never loads what computes.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.api.advice import Advised, advise_merge
    from mergec.api.comparison import Compared, compare_checkpoints
    from mergec.api.expansion import Expansion, expand_spec, expand_to_normal_form
    from mergec.api.inspection import Inspected, inspect_checkpoint
    from mergec.api.laws import try_laws
    from mergec.api.lock_work import check_lock, lock_spec
    from mergec.api.locking import compile_locked
    from mergec.api.specs import check_spec, compile_spec, format_text, load_plan, write_plan
    from mergec.api.verification import verify_result, verify_results
    from mergec.api.work import execute
    from mergec.catalog.offline import offline_mode
    from mergec.elaborate import Setting
    from mergec.plugin.registry import plugins

_MODULES = {
    "Advised": "mergec.api.advice",
    "Compared": "mergec.api.comparison",
    "Expansion": "mergec.api.expansion",
    "Inspected": "mergec.api.inspection",
    "Setting": "mergec.elaborate",
    "advise_merge": "mergec.api.advice",
    "check_lock": "mergec.api.lock_work",
    "check_spec": "mergec.api.specs",
    "compile_locked": "mergec.api.locking",
    "compare_checkpoints": "mergec.api.comparison",
    "compile_spec": "mergec.api.specs",
    "execute": "mergec.api.work",
    "expand_spec": "mergec.api.expansion",
    "expand_to_normal_form": "mergec.api.expansion",
    "format_text": "mergec.api.specs",
    "inspect_checkpoint": "mergec.api.inspection",
    "load_plan": "mergec.api.specs",
    "lock_spec": "mergec.api.lock_work",
    "offline_mode": "mergec.catalog.offline",
    "plugins": "mergec.plugin.registry",
    "try_laws": "mergec.api.laws",
    "verify_result": "mergec.api.verification",
    "verify_results": "mergec.api.verification",
    "write_plan": "mergec.api.specs",
}

__all__ = [
    "Advised",
    "Compared",
    "Expansion",
    "Inspected",
    "Setting",
    "advise_merge",
    "check_lock",
    "check_spec",
    "compare_checkpoints",
    "compile_locked",
    "compile_spec",
    "execute",
    "expand_spec",
    "expand_to_normal_form",
    "format_text",
    "inspect_checkpoint",
    "load_plan",
    "lock_spec",
    "offline_mode",
    "plugins",
    "try_laws",
    "verify_result",
    "verify_results",
    "write_plan",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*__all__]
