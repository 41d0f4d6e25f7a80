"""A guard for revisions: no output bit of an operator changes without its revision.

`revisions.txt` has a row for each way of calling each operator: operator and stage revisions, the
digest of what it makes of fixed tensors in bf16, f32 and f64, the expression. After a change that
is meant: bump `revision` in the operator's or stage's file, ACCEPT=1 pytest of this file, and read
the diff.
"""

import hashlib
import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.ir import Value
from mergec.ops import OPERATORS, STAGES, Operator
from mergec.passes import expand_composites
from mergec.plan import check_text
from mergec.plan.program import build_program
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_case import spelled
from mergec.verify.law_tensors import rounded, stored

TABLE = Path(__file__).with_name("revisions.txt")
LABELS = ("base", "a", "b", "c")
# Only values that change bits are listed; a word parameter is tried with each of its words.
NUMBERS: dict[str, tuple[Value, ...]] = {
    "density": (Fraction(3, 10),),
    "weights": ((Fraction(1), Fraction(1, 3), Fraction(5)),),
    "scale": (Fraction(7, 10),),
    "t": (Fraction(3, 10),),
    "by": (Fraction(3, 10), Fraction(-2)),
    "seed": (Fraction(7),),
    "q": (Fraction(1, 3),),
}
SILENT = {"normalize", "extrapolate", "antiparallel", "stream"}
# Some switches show only when the weights differ.
WITH = {name: {"weights": NUMBERS["weights"][0]} for name in ("agg", "weight_stage", "elect")}


def expressions(operator: Operator) -> list[str]:
    """One call with the required parameters, and one more for each other setting."""
    required = {p.name: NUMBERS[p.name][0] for p in operator.parameters if p.required}
    calls: list[dict[str, Value]] = [required]
    for parameter in operator.parameters:
        if parameter.name in SILENT:
            continue
        tried = parameter.words or NUMBERS[parameter.name]
        others = [value for value in tried if value not in (parameter.default, None)]
        besides = {**required, **WITH.get(parameter.name, {})}
        calls += [{**besides, parameter.name: value} for value in others]
    unique = {str(sorted(call.items())): call for call in calls}
    return [call_of(operator, params) for params in unique.values()]


def call_of(operator: Operator, params: dict[str, Value]) -> str:
    settings = ", ".join(f"{name}={spelled(value)}" for name, value in params.items())
    most = operator.operands[1] or 3
    deltas = ", ".join(f"{label} - base" for label in LABELS[1 : 1 + most])
    return f"{operator.name}({deltas}{'; ' if settings else ''}{settings})"


def text_of(expression: str) -> str:
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in LABELS)
    return f"{head}result = {expression}\nexport delta result\n"


def digest(expression: str) -> str:
    """Over the reference's bytes for tensors longer than one reduction leaf, and for short ones."""
    said = hashlib.sha256()
    # Sines differ between mathematical libraries in a last bit, which only float64 shows.
    dtypes = (Dtype.BF16, Dtype.F32, *(() if expression.startswith("slerp") else (Dtype.F64,)))
    for dtype in dtypes:
        held = {label: tensors(label, dtype) for label in LABELS}
        found = evaluate(text_of(expression), held, get_backend("reference"))
        said.update(found["long"].data + found["short"].data)
    return said.hexdigest()[:24]


@lru_cache
def tensors(label: str, dtype: Dtype) -> dict[str, StoredTensor]:
    """A tensor longer than a reduction leaf, and a short one whose majority is the other sign.

    Many values are equal, many are not.
    """
    random = Random(label)
    # A base far smaller than its relatives, whose deltas then disagree in sign.
    size = 0.1 if label == "base" else 4
    values = [(random.random() - 0.5) * size for _ in range(2**16 + 5)]
    mixed = [x if i % 2 else round(x * 2) / 2 for i, x in enumerate(values)]
    return {
        "long": stored(rounded(mixed, dtype), dtype),
        "short": stored(rounded(mixed[:1001], dtype), dtype),
    }


def revisions(operator: Operator, expression: str) -> str:
    """`ties.1 trim.1 elect_sign.1 ...`: everything whose revision stands for these bits."""
    graph = expand_composites(check_text(SourceText("x.merge", text_of(expression))).graph)
    program, _ = build_program(graph, next(iter(graph.outputs.values())))
    stages = dict.fromkeys(f"{call.stage}.{call.revision}" for call in program.calls)
    return " ".join(dict.fromkeys([f"{operator.name}.{operator.revision}", *stages]))


ROWS = [(operator, text) for operator in OPERATORS.values() for text in expressions(operator)]


def recorded() -> dict[str, tuple[str, str]]:
    rows = [line.split(" | ") for line in TABLE.read_text().splitlines()]
    return {expression: (known, said) for said, known, expression in rows}


@pytest.mark.parametrize(("operator", "expression"), ROWS, ids=[text for _, text in ROWS])
def test_bits_change_only_with_a_revision(operator: Operator, expression: str) -> None:
    if os.environ.get("ACCEPT") == "1":
        return
    known, said = recorded()[expression]
    if digest(expression) == said:
        assert revisions(operator, expression) == known, "a revision was bumped: record it"
        return
    assert revisions(operator, expression) != known, (
        f"the bits of `{expression}` changed and no revision did: bump `revision` of one of {known}"
    )
    pytest.fail("a revision was bumped and the bits changed: record them with ACCEPT=1")


def test_the_table_has_exactly_these_rows() -> None:
    if os.environ.get("ACCEPT") == "1":
        rows = [f"{digest(text)} | {revisions(operator, text)} | {text}" for operator, text in ROWS]
        TABLE.write_text("\n".join(rows) + "\n")
    assert list(recorded()) == [text for _, text in ROWS]
    digests = [said for _, said in recorded().values()]
    assert len(set(digests)) == len(digests), "two settings give the same bits on these tensors"


@pytest.mark.parametrize("name", sorted(set(OPERATORS) & set(STAGES)))
def test_an_operator_that_is_a_stage_has_its_revision(name: str) -> None:
    assert OPERATORS[name].revision == STAGES[name].revision


def test_the_plan_records_the_revision_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    expression = "ties(a - base, b - base)"
    before = revisions(OPERATORS["ties"], expression)
    monkeypatch.setattr(type(STAGES["trim"]), "revision", 2)
    assert revisions(OPERATORS["ties"], expression) == before.replace("trim.1", "trim.2")
