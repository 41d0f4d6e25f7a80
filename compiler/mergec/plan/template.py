"""A program without its numbers, so that layers which differ by a weight share one."""

import hashlib
import json
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mergec.frozen import frozen
from mergec.ir import Value, print_value
from mergec.plan.program import Program


@frozen
class Template:
    """`table` is the program in JSON with `$0`, `$1` ... in place of its numbers, `scalars`.

    `key` is the SHA-256 of the table.
    """

    key: str
    table: dict[str, Any]
    scalars: tuple[Fraction, ...]


@lru_cache(maxsize=1 << 14)
def template_of(program: Program) -> Template:
    """The template of a program; equal programs but for their numbers have equal ones."""
    scalars: list[Fraction] = []
    count = len(program.inputs)

    def value(index: int) -> str:
        return f"in{index}" if index < count else f"v{index - count}"

    def parameter(given: Value) -> Any:
        if isinstance(given, Fraction):
            scalars.append(given)
            return f"${len(scalars) - 1}"
        if isinstance(given, tuple):
            return [parameter(item) for item in given]
        return given if isinstance(given, int | str | None) else print_value(given)

    table = {
        "inputs": list(program.inputs),
        "calls": [
            {
                "stage": call.stage,
                "revision": call.revision,
                "operands": [value(i) for i in call.operands],
                "params": {name: parameter(v) for name, v in call.params},
            }
            for call in program.calls
        ],
        "results": [value(i) for i in program.results],
    }
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Template(hashlib.sha256(text.encode()).hexdigest(), table, tuple(scalars))
