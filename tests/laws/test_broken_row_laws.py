"""Faults in operators on rows, columns and blocks, each of which breaks a law that is declared."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mergec.backends import get_backend
from mergec.ops import OPERATORS, arcee_fusion, drop_by_rank, n_of_m, weigh_columns
from mergec.ops.groups import Groups
from mergec.verify.laws import LawViolation, check_law

REFERENCE = get_backend("reference")
Patch = Callable[[pytest.MonkeyPatch], None]


def _divide_by_the_density(patch: pytest.MonkeyPatch) -> None:
    rank_table = drop_by_rank.rank_table

    def flat(density: Any, epsilon: Any, row: int, work: Any) -> Any:
        table = rank_table(density, epsilon, row, work)
        return replace(table, divisors=(float(density),) * row)

    patch.setattr(drop_by_rank, "rank_table", flat)


def _prefer_the_last_of_equals(patch: pytest.MonkeyPatch) -> None:
    def by_rank(xp: Any, x: Any, n: int, m: int) -> Any:
        return (xp.row_ranks(x, m) >= m - n) & (x != 0)

    patch.setattr(n_of_m, "_largest", by_rank)


def _take_what_others_hold(patch: pytest.MonkeyPatch) -> None:
    apply = n_of_m.KeepNOfM.apply

    def alone(stage: Any, xp: Any, blocks: Any, setting: Any, cursor: Any) -> Any:
        return apply(stage, xp, blocks[:1], setting, cursor)

    patch.setattr(n_of_m.KeepNOfM, "apply", alone)


def _use_one_angle_for_all(patch: pytest.MonkeyPatch) -> None:
    sums = Groups.sums

    def pooled(groups: Groups, xp: Any, x: Any) -> list[float]:
        found = sums(groups, xp, x)
        return [sum(found)] * len(found)

    patch.setattr(Groups, "sums", pooled)


def _blend_at_the_threshold(patch: pytest.MonkeyPatch) -> None:
    apply = arcee_fusion.ArceeFusion.apply

    def blend(stage: Any, xp: Any, blocks: Any, setting: Any, cursor: Any) -> Any:
        return (apply(stage, xp, blocks, setting, cursor) + blocks[0]) / 2.0

    patch.setattr(arcee_fusion.ArceeFusion, "apply", blend)


def _floor_the_norms(patch: pytest.MonkeyPatch) -> None:
    change = vars(weigh_columns)["_change"]

    def floored(base: float, model: float, moved: float, tensor: str) -> Any:
        return change(max(base, 1e-6), max(model, 1e-6), moved, tensor)

    patch.setattr(weigh_columns, "_change", floored)


@pytest.mark.parametrize(
    ("fault", "operator", "law"),
    [
        (_divide_by_the_density, "della", "unbiased_exactly"),
        (_prefer_the_last_of_equals, "cabs", "n_of_every_m"),
        (_take_what_others_hold, "cabs", "disjoint_supports"),
        (_use_one_angle_for_all, "slerp", "group_by_group"),
        (_use_one_angle_for_all, "nuslerp", "group_by_group"),
        (_blend_at_the_threshold, "arcee_fusion", "selects"),
        (_floor_the_norms, "widen", "matrix_scale_equivariant"),
    ],
)
def test_a_fault_in_a_row_operator_breaks_a_declared_law(
    fault: Patch, operator: str, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    claims = [claim for claim in OPERATORS[operator].laws if claim.name == law and claim.holds]
    refuted = 0
    for claim in claims:
        try:
            check_law(OPERATORS[operator], claim, REFERENCE, shrink=False)
        except LawViolation:
            refuted += 1
    assert refuted
