"""Numbers and choices that differ from tensor to tensor, for reviewers: what each comes to."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics.printable import escape
from mergec.elaborate.print_number import number_expr
from mergec.ir import TensorSelector, Value, print_decimal
from mergec.ir.selector import print_selector
from mergec.plan.model import Plan
from mergec.plan.review_expression import name_of, written_node
from mergec.resolve import ResolvedSetting
from mergec.resolve.fallbacks import ITSELF, UNSUITED, WITHOUT
from mergec.syntax.one_line import one_line

_LAYER = re.compile(r"(?<=\.)\d{1,9}(?=\.)")
_SHOWN_NAMES = 3
_INSTEAD = {
    ITSELF: "as written",
    UNSUITED: "the mean, for it is no matrix",
    WITHOUT: "the mean, for no source has its statistic",
}
# What an operator does that says so in a parameter of its own.
_OTHERS: Mapping[Value, str] = {
    "keep": "itself, for it is no matrix",
    "drop": "no change, for it is no matrix",
}


def setting_lines(plan: Plan) -> list[str]:
    """The section `for each tensor`: names with a number in them have one value for each layer."""
    lines: list[str] = []
    for setting in plan.settings:
        if _is_itself_everywhere(plan, setting):
            continue
        written = setting.written
        text = escape(one_line(number_expr(written))) if written is not None else ""
        node = plan.written.node(setting.node)
        if node.op == "affine":  # whose parameter has no name in the language
            operands = [name_of(plan, key) for key in node.operands]
            what = f"{text} in {written_node(node.op, dict(node.params), operands)}"
        else:
            what = f"{name_of(plan, setting.node)}: "
            what += f"{setting.param} = {text}" if text else node.op
        lines.append(f"  {what}")
        lines += [f"    {line}" for line in _values(plan, setting)]
    return ["for each tensor", *lines] if lines else []


def _is_itself_everywhere(plan: Plan, setting: ResolvedSetting) -> bool:
    """Whether this is about an operator's fallback, which no tensor takes."""
    choice = not setting.param and plan.written.node(setting.node).op != "match"
    return choice and all(value == ITSELF for value in setting.values.values())


def _values(plan: Plan, setting: ResolvedSetting) -> list[str]:
    """One line for each list of values, with the names that have it."""
    by_name: dict[str, list[tuple[int, Fraction]]] = {}
    for tensor, value in setting.values.items():
        number = _LAYER.search(tensor)
        layer = int(number.group()) if number else 0
        by_name.setdefault(_LAYER.sub("*", tensor, count=1), []).append((layer, value))
    by_values: dict[tuple[str, ...], list[str]] = {}
    for name, values in by_name.items():
        texts = tuple(_text(plan, setting, value) for _, value in sorted(values))
        by_values.setdefault(texts, []).append(name)
    shown = [(_run(values), names) for values, names in by_values.items()]
    width = min(max(len(text) for text, _ in shown), 60)
    return [f"{text.ljust(width)}  {_names(names)}" for text, names in shown]


def _text(plan: Plan, setting: ResolvedSetting, value: Fraction) -> str:
    if setting.param:
        return print_decimal(value)
    node = plan.written.node(setting.node)
    if node.op != "match":
        kept = _OTHERS.get(dict(node.params).get("others")) if int(value) == UNSUITED else None
        return kept or _INSTEAD[int(value)]
    selectors = node.param("selectors")
    assert isinstance(selectors, tuple)
    selector = selectors[int(value)]
    arm = print_selector(selector) if isinstance(selector, TensorSelector) else "else"
    return f"{escape(arm)} => {name_of(plan, node.operands[int(value)])}"


def _run(values: Sequence[str]) -> str:
    """Values in the order of layers; equal neighbours are counted."""
    runs: list[tuple[str, int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return ", ".join(f"{value} × {count}" if count > 1 else value for value, count in runs)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(escape(name) for name in names[:_SHOWN_NAMES]) + more
