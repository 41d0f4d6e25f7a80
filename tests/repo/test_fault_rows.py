"""Situations that a source or an attacker can bring about, and the test of each: a table.

A line of `fault_rows.txt` has a row's name, the situation, and the test that shows what happens, a
test function or the output of an invalid spec. `-` in place of the situation says that there is
nothing to test, and why. S are specs, F files, T tensors, K tokenizers and small files, L adapters,
N numbers, C the command line and its environment, O outputs, I reading, writing and signals,
M memory and other resources, X security, D several machines, R resumed runs, P promises.
`docs/faults.md` is made from it, and from what `fault_outcomes.txt` says that happens.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from docs.faults_page import faults
from tests.repo.tree import ROOT

LINES = Path(__file__).with_name("fault_rows.txt").read_text("utf-8").splitlines()
ROWS = {row: (situation, where) for row, situation, where in (x.split(" | ") for x in LINES)}
COUNTS = {
    **{"S": 32, "F": 40, "T": 24, "K": 15, "L": 11, "N": 27, "C": 14, "O": 17, "I": 32, "M": 14},
    **{"X": 23, "D": 14, "R": 14, "P": 12},
}


@cache
def functions(path: str) -> frozenset[str]:
    """The names of the test functions in a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS)
def test_the_test_of_a_row_is_there(row: str) -> None:
    situation, where = ROWS[row]
    path, _, name = where.partition("::")
    if situation == "-":
        assert " " in where
    elif name:
        assert name in functions(path), where
    else:
        assert (ROOT / path).is_file(), where


def test_no_row_is_left_out_and_none_stands_twice() -> None:
    assert len(ROWS) == len(LINES)
    wanted = {f"{letter}{n:02}" for letter, last in COUNTS.items() for n in range(1, last + 1)}
    assert wanted <= ROWS.keys()


def test_every_test_shows_something_that_is_told() -> None:
    told = {fault.name for fault in faults() if fault.outcome}
    assert told == {row for row, (situation, _) in ROWS.items() if situation != "-"}
