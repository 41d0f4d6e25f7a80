"""Sweeps, exactness and budgets: what follows from a program without running it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mergec.catalog import Dtype, TensorName
from mergec.diagnostics import MergecError, SourceText
from mergec.ops.tree_sum import LEAF
from mergec.plan import Plan, Row, compile_text, fit_budget, schedule
from tests.toy_family import write_members

SOURCES = "".join(f'{n} = model("./{n}")\n' for n in ("base", "code", "math", "instruct"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    write_members(folder)
    return folder


def plan_of(expression: str, root: Path) -> Plan:
    text = f"{SOURCES}child = {expression}\n"
    return compile_text(SourceText("child.merge", text), root).plan


@pytest.mark.parametrize(
    ("expression", "narrow", "wide"),
    [
        ("linear(base, code)", 1, 1),
        ("base + 0.5*(code - base) + 0.5*(math - base)", 1, 1),
        ("base + dare(code - base, density=0.5)", 1, 1),
        ("base + dare(code - base; density=0.5, rescale=l1)", 2, 2),
        ("slerp(base, code, t=0.5)", 2, 2),
        ("ties(base, code, math; density=0.3)", 3, 5),
        ("ties(base, code, math; density=1)", 1, 1),
        ("ties(base, code, math; density=1, zero=majority)", 2, 2),
        ("ties(base, code, math; density=0.3) |> slerp(instruct, t=0.5)", 4, 6),
        ("base + (code - base |> trim(density=0.5, rescale=inv) |> trim(density=0.2))", 5, 9),
    ],
)
def test_one_sweep_more_than_the_longest_chain_of_statistics(
    expression: str, narrow: int, wide: int, root: Path
) -> None:
    program = plan_of(expression, root).rows[0].program

    assert schedule(program, Dtype.F32).sweeps == narrow
    assert schedule(program, Dtype.F64).sweeps == wide


def test_every_sweep_computes_only_what_it_uses(root: Path) -> None:
    """In the first sweep of TIES only the deltas are formed, for the histograms."""
    program = plan_of("ties(base, code, math; density=0.3)", root).rows[0].program
    steps = schedule(program, Dtype.F32)
    stages = [[program.calls[n].stage for n in needed] for needed in steps.needed]

    assert stages[0] == stages[1] == ["affine", "affine"]
    assert sorted(stages[2]) == sorted(call.stage for call in program.calls)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("linear(base, code, math)", "P"),
        ("base + 0.3*(code - base)", "P"),
        ("ties(base, code, math; density=0.3)", "P"),
        ("ties(base, code, math; density=0.3, scale=0.5)", "P"),
        ("ties(base, code, math; density=0.3, scale=0.7)", "M"),
        ("ties(base, code, math; weights=[1, 3])", "M"),
        ("base + dare(code - base, density=0.3)", "P"),
        ("base + dare(code - base; density=0.3, rescale=l1)", "M"),
        ("slerp(base, code, t=0.5)", "P"),
        ("ties(base, code, math) |> slerp(instruct, t=0.5)", "M"),
    ],
)
def test_the_class_follows_from_the_fused_expression(
    expression: str, expected: str, root: Path
) -> None:
    assert {row.exactness for row in plan_of(expression, root).rows} == {expected}


def test_a_budget_is_kept_by_smaller_blocks_and_fewer_threads(root: Path) -> None:
    plan = plan_of("ties(base, code, math; density=0.3)", root)
    limits = [2 << 30, 1 << 30, 200 << 20, 120 << 20]
    budgets = [fit_budget(plan, limit, 4, "reference") for limit in limits]

    assert all(b.peak <= limit for b, limit in zip(budgets, limits, strict=True))
    assert all(b.block % LEAF == 0 for b in budgets)
    assert [b.threads for b in budgets] == sorted((b.threads for b in budgets), reverse=True)


def test_a_budget_below_one_block_is_refused_with_the_size_that_would_do(root: Path) -> None:
    plan = plan_of("linear(base, code)", root)
    with pytest.raises(MergecError) as caught:
        fit_budget(plan, 1 << 20, 1, "reference")

    (found,) = caught.value.diagnostics
    assert found.code == "E601"
    assert found.help is not None
    needed = int(found.help[0].split("--memory ")[1].split("MiB")[0])
    assert fit_budget(plan, needed << 20, 1, "reference").peak <= needed << 20


def renamed(row: Row, number: int) -> Row:
    """The same for tensors of other names, so that no two rows read one tensor."""
    entries = tuple(replace(e, name=TensorName(f"{number}.{e.name}")) for e in row.entries)
    return replace(row, tensor=f"{number}.{row.tensor}", entries=entries)


def test_a_budget_counts_what_every_tensor_costs(root: Path) -> None:
    """Headers, rows and lineage grow with the number of tensors, whatever their sizes."""
    plan = plan_of("linear(base, code)", root)
    (export,) = plan.exports
    rows = tuple(renamed(row, number) for number in range(1000) for row in export.rows)
    many = replace(plan, exports=(replace(export, rows=rows),))
    few, lots = (fit_budget(p, 1 << 30, 1, "reference").peak for p in (plan, many))

    assert lots - few >= 3072 * (len(many.rows) - len(plan.rows))


def test_a_budget_counts_the_expansions_of_a_wide_election(root: Path) -> None:
    """Each delta is held widened and as a component, at 16 bytes an element in all."""
    tail = "; density=1)"
    three = plan_of("ties(base, code, math, instruct" + tail, root)
    operands = [f"code + {n}*(math - base)" for n in range(1, 14)]
    wide = plan_of(f"ties(base, code, math, instruct, {', '.join(operands)}{tail}", root)
    calls = len(wide.rows[0].program.calls) - len(three.rows[0].program.calls)
    few, more = (fit_budget(p, 1 << 30, 1, "reference").peak for p in (three, wide))

    assert more - few >= (13 * 16 + 4 * calls) * LEAF
