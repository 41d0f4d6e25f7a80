"""Contracts on statistics: judged once all is measured, all broken ones together, never a crash."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import pytest

from mergec.diagnostics import Diagnostic, MergecError, SourceText, Span
from mergec.elaborate import Contract
from mergec.execute.measures import Measurements, require_contracts
from mergec.execute.wording import describe
from mergec.ir import DELTA, MODEL, Condition, Fact, GraphBuilder, NodeKey, Operation
from mergec.plan import Plan
from tests.plan.step_cases import entry, plan_of, reading

SPEC = SourceText("child.merge", "require one\nrequire two\n")
NORM, FINITE = Fact("norm", (NodeKey("moved"),)), Fact("finite", (NodeKey("child"),))


def contract(condition: Condition, text: str, start: int = 0) -> Contract:
    return Contract(condition, text, "it must stay close", Span(SPEC, start, start + 11))


def below(bound: str | Fraction, fact: Fact = NORM) -> Condition:
    return Operation("<", (fact, Fraction(bound)))


def judged(
    measured: dict[Fact, float | bool], *contracts: Contract
) -> list[tuple[str, tuple[str, ...]]]:
    """Message and notes of each finding, all of one code and status."""
    plan = replace(
        plan_of([]),
        contracts=contracts,
        names={NodeKey("moved"): "drift", NodeKey("child"): "child"},
    )
    found: tuple[Diagnostic, ...] = ()
    try:
        require_contracts(plan, measured)
    except MergecError as error:
        found = error.diagnostics
    assert {(each.code, each.exit) for each in found} <= {("E816", 9)}
    return [(each.message, each.notes) for each in found]


def test_a_contract_that_holds_says_nothing() -> None:
    both = Operation("and", (below("7.32"), FINITE))

    assert judged({NORM: 7.31, FINITE: True}, contract(both, "norm(drift) < 7.32 and ...")) == []


def test_a_broken_contract_shows_what_was_measured_and_why_it_matters() -> None:
    both = Operation("and", (below("5"), FINITE))

    assert judged(
        {NORM: 7.31, FINITE: True}, contract(both, "norm(drift) < 5 and finite(child)")
    ) == [
        (
            "`norm(drift) < 5 and finite(child)` does not hold",
            (
                "`norm(drift)` is 7.31",
                "`finite(child)` is true",
                "required because: it must stay close",
                "nothing was published",
            ),
        )
    ]


def test_all_broken_contracts_are_told_in_the_order_of_the_spec() -> None:
    second = contract(FINITE, "finite(child)", 12)
    first = contract(below("5"), "norm(drift) < 5")
    holds = contract(below("8"), "norm(drift) < 8", 12)

    found = judged({NORM: 7.0, FINITE: False}, second, holds, first)

    assert [message for message, _ in found] == [
        "`norm(drift) < 5` does not hold",
        "`finite(child)` does not hold",
    ]


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        (0.1, Fraction(1, 10), False),  # the float64 is a little larger
        (0.5, Fraction(1, 2), False),
        (math.inf, Fraction(10) ** 400, False),
        (math.nan, Fraction(1), False),
        (1e308, Fraction(10) ** 400, True),
    ],
)
def test_numbers_are_compared_exactly(value: float, bound: Fraction, holds: bool) -> None:
    assert (judged({NORM: value}, contract(below(bound), "norm(drift) < b")) == []) == holds


def test_what_exceeds_float64_is_said_so() -> None:
    ((_, notes),) = judged({NORM: math.inf}, contract(below("5"), "norm(drift) < 5"))

    assert notes[0] == "`norm(drift)` is too large for float64"


def test_arithmetic_that_cannot_be_done_breaks_the_contract() -> None:
    ratio = Operation("<", (Operation("/", (Fraction(1), NORM)), Fraction(2)))
    huge = Operation("<", (Operation("*", (Fraction(10) ** 400, NORM)), Fraction(2)))

    assert [
        message for message, _ in judged({NORM: 0.0}, contract(ratio, "1/norm(drift) < 2"))
    ] == ["`1/norm(drift) < 2` divides by zero"]
    assert [
        message for message, _ in judged({NORM: 1.0}, contract(huge, "1e400*norm(drift) < 2"))
    ] == ["a number in `1e400*norm(drift) < 2` exceeds float64"]


def test_readings_come_in_any_order_and_from_any_thread() -> None:
    facts = (NORM, Fact("sparsity", (NodeKey("child"),)))
    readings = [
        reading(f"{n}", [("base", entry(f"{n}"))], [], [0], measure=n % 2) for n in range(200)
    ]
    parts = [((float(n),), (n, 400)) for n in range(200)]

    def values(order: list[int], threads: int) -> dict[Fact, float | bool]:
        found = Measurements(plan_of([], readings=readings, measures=facts))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(found.add, order, [parts[n] for n in order]))
        return dict(found.values())

    expected = {
        facts[0]: math.sqrt(sum(range(0, 200, 2))),
        facts[1]: sum(range(1, 200, 2)) / (100 * 400),
    }
    assert values([*range(200)], 1) == expected
    assert values([*reversed(range(200))], 4) == expected


@pytest.fixture
def plan() -> Plan:
    """A plan whose graph is `base + 1/2*(code - base)` and `trim` of the difference."""
    graph = GraphBuilder()
    base, code = (graph.add("source", params={"label": f"./{n}"}, type=MODEL) for n in "bc")
    whole: dict[str, tuple[Fraction, ...]] = {"coefficients": (Fraction(1), Fraction(-1))}
    moved = graph.add("affine", (code, base), whole, type=DELTA)
    half = {"coefficients": (Fraction(1), Fraction(1, 2))}
    child = graph.add("affine", (base, moved), half, type=MODEL)
    back = {"coefficients": (Fraction(-1), Fraction(1))}
    trimmed = graph.add("trim", (graph.add("affine", (child, base), back, type=DELTA),), type=DELTA)
    written = graph.finish({"child": child, "trimmed": trimmed})
    return replace(plan_of([]), written=written, names={code: "code", trimmed: "small"})


def test_values_are_called_what_the_spec_calls_them(plan: Plan) -> None:
    *_, back, trimmed = plan.written.nodes()
    child = plan.written.node(back.operands[0])

    assert describe(plan, Fact("norm", (trimmed.key,))) == "norm(small)"
    assert describe(plan, Fact("norm", (child.key,))) == "norm(./b + 0.5*(code - ./b))"
    assert describe(plan, Fact("cosine", (back.key, child.operands[0]))) == (
        "cosine(-(./b + 0.5*(code - ./b)) + ./b, ./b)"
    )
    assert describe(plan, Fact("norm", (NodeKey("gone"),))) == "norm(...)"
