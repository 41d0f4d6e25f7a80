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

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.elaborate.parameters import in_range
from mergec.ir import Value
from mergec.ops import OPERATORS, STAGES, Operator, Parameter
from mergec.ops.law import spelled
from mergec.passes import expand_composites
from mergec.plan import check_text
from mergec.plan.program import Program, build_program
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import loaded, rounded, stored

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
    "epsilon": (Fraction(1, 5),),
    "n": (2,),
    "m": (5,),
    "ratio": (Fraction(3, 2), Fraction(1, 2)),
    "value": (Fraction(7, 10),),
    "reach": (Fraction(1, 2),),
    "gamma": (Fraction(1, 5),),
    "kappa": (Fraction(1, 10), (Fraction(1, 5), Fraction(1), Fraction(2, 5))),
    "k": (0, 2, 1),
    "tau": (Fraction(3, 10),),
    "r": (Fraction(1, 10),),
    "beta": (Fraction(7, 10),),
    "limit": (Fraction(3, 10),),
    "relative": (True,),
    "floor": (Fraction(2),),
    "alpha": (Fraction(1, 4),),
    "ridge": (Fraction(1, 10),),
    "rank_tol": (Fraction(4, 5),),
    "task": (2, 3),
    "clip": (Fraction(1, 4),),
    "rank": (2,),
    "units": ("short[0]", "short[1]", "short[1 / 11]"),
}
# A dialect shows on odd tensors alone: see tests/differential/test_dialects.py.
SILENT = {
    *("normalize", "extrapolate", "antiparallel", "stream"),
    *("tol", "max_iter", "guard", "even", "dialect"),
}
# Some switches show only when the weights differ.
WITH: dict[str, dict[str, Value]] = {
    **{name: {"weights": NUMBERS["weights"][0]} for name in ("agg", "weight_stage", "elect")},
    "floor_on": {"floor": NUMBERS["floor"][0]},
    "rank_tol": {"level": "rank"},
    "level": {"rank_tol": NUMBERS["rank_tol"][0]},
    "merge": {"tau": NUMBERS["tau"][0]},
    "alpha": {"r": Fraction(1)},
    "relative": {"epsilon": NUMBERS["epsilon"][0]},
    "k": {"kappa": Fraction(2)},
    "seed": {"units": "short[0]; short[1]"},
}
STATISTICS = ("sa", "sb", "sc")


def expressions(operator: Operator) -> list[str]:
    """One call with the required parameters, and one more for each other setting."""
    literal = [p for p in operator.parameters if p.kind != "sources"]
    # The tensors here are of no architecture, so that what may be reordered must be said.
    required = {p.name: tried(p)[0] for p in literal if p.required or p.name == "units"}
    calls: list[dict[str, Value]] = [required]
    for parameter in literal:
        if parameter.name in SILENT:
            continue
        others = [value for value in tried(parameter) if value not in (parameter.default, None)]
        shown_by = WITH.get(parameter.name, {})
        besides = {**required, **{k: v for k, v in shown_by.items() if operator.parameter(k)}}
        calls += [{**besides, parameter.name: value} for value in others]
    unique = {str(sorted(call.items())): call for call in calls}
    return [call_of(operator, params) for params in unique.values()]


def tried(parameter: Parameter) -> list[Value]:
    """The values that a parameter is given: its words, or the numbers that it takes."""
    numbers = parameter.words or NUMBERS[parameter.name]
    return [v for v in numbers if not isinstance(v, Fraction | int) or _legal(parameter, v)]


def _legal(parameter: Parameter, value: Fraction | int) -> bool:
    return isinstance(value, bool) or in_range(parameter, Fraction(value))


def call_of(operator: Operator, params: dict[str, Value]) -> str:
    most = operator.operands[1] or 3
    lists = {name: value[:most] for name, value in params.items() if isinstance(value, tuple)}
    texts = {name: f'"{params[name]}"' for name in params if name == "units"}
    written = {**{name: spelled(value) for name, value in {**params, **lists}.items()}, **texts}
    settings = ", ".join(f"{name}={value}" for name, value in written.items())
    for taken in (p.name for p in operator.parameters if p.kind == "sources"):
        settings = f"{taken}=[{', '.join(STATISTICS)}]{', ' if settings else ''}{settings}"
    if operator.needs_base:
        return f"{operator.name}({', '.join(LABELS)}{'; ' if settings else ''}{settings}) - base"
    if operator.of_models:
        return f"{operator.name}({', '.join(LABELS[1 : 1 + most])}; {settings}) - base"
    deltas = ", ".join(f"{label} - base" for label in LABELS[1 : 1 + most])
    return f"{operator.name}({deltas}{'; ' if settings else ''}{settings})"


def text_of(expression: str) -> str:
    labels = (*LABELS, *(STATISTICS if STATISTICS[0] in expression else ()))
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    return f"{head}result = {expression}\nexport delta result\n"


def digest(expression: str) -> str:
    """Over the reference's bytes for tensors longer than one reduction leaf, and for short ones."""
    said = hashlib.sha256()
    # Sines differ between mathematical libraries in a last bit, which only float64 shows; sums of
    # products and all that follows from them in more, which bf16 does not show.
    dtypes = [Dtype.BF16]
    if not any(STAGES[call.stage].approximate for call in program(expression).calls):
        sines = expression.startswith(("slerp", "nuslerp", "karcher", "model_stock"))
        dtypes += [Dtype.F32] if sines else [Dtype.F32, Dtype.F64]
    for dtype in dtypes:
        held = {label: tensors(label, dtype) for label in LABELS}
        if STATISTICS[0] in expression:
            gram = expression.startswith("regmean")
            held |= {label: statistics(label, dtype, gram=gram) for label in STATISTICS}
        found = evaluate(text_of(expression), held, get_backend("reference"))
        said.update(found["long"].data + found["short"].data)
    return said.hexdigest()[:24]


@lru_cache
def tensors(label: str, dtype: Dtype) -> dict[str, StoredTensor]:
    """A vector longer than a reduction leaf, and a matrix whose majority is the other sign.

    Many values are equal, many are not.
    """
    random = Random(label)
    # A base far smaller than its relatives, whose deltas then disagree in sign.
    size = 0.1 if label == "base" else 4
    values = [(random.random() - 0.5) * size for _ in range(2**16 + 5)]
    mixed = [x if i % 2 else round(x * 2) / 2 for i, x in enumerate(values)]
    return {
        "long": stored(rounded(mixed, dtype), dtype),
        "short": stored(rounded(mixed[:1001], dtype).reshape(7, 143), dtype),
    }


@lru_cache
def statistics(label: str, dtype: Dtype, *, gram: bool) -> dict[str, StoredTensor]:
    """Of each tensor the squares of another, or of the matrix alone what such inputs give."""
    found = {name: loaded(tensor) for name, tensor in tensors(label, dtype).items()}
    if not gram:
        return {name: stored(rounded(x * x, dtype), dtype) for name, x in found.items()}
    inputs = np.vstack([found["short"], np.eye(143)])
    return {"short": stored(rounded(inputs.T @ inputs, dtype), dtype)}


def program(expression: str) -> Program:
    """The stages of an expression."""
    graph = expand_composites(check_text(SourceText("x.merge", text_of(expression))).graph)
    return build_program(graph, next(iter(graph.outputs.values())))[0]


def revisions(operator: Operator, expression: str) -> str:
    """`ties.1 trim.1 elect_sign.1 ...`: everything whose revision stands for these bits."""
    stages = dict.fromkeys(f"{call.stage}.{call.revision}" for call in program(expression).calls)
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
