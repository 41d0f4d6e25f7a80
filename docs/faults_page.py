"""Makes `docs/faults.md`: every fault of the table in `tests/repo`, what happens, and its test."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from mergec.diagnostics import CODES
from mergec.frozen import frozen

_TABLES = Path(__file__).parents[1] / "tests" / "repo"

_HEAD = """# Faults

Made from `tests/repo/fault_rows.txt` and `fault_outcomes.txt` by `make docs`; edit these instead.

What can go wrong, what mergec does then, and the test that shows it. Behind the code of an error
stands its exit status ([exit-codes.md](exit-codes.md)); `mergec explain E703` says more. A run that
ends with an error leaves nothing at its output but what was there before
([recovery.md](recovery.md)). Where there is no test, the line says why. `make faults` runs the
suites that kill runs, fill disks and fuzz readers.
"""
_FAMILIES = {
    "P": "What is promised, and what proves it",
    "S": "Specs",
    "F": "Sources and their files",
    "T": "Tensors",
    "K": "Tokenizers and small files",
    "L": "Adapters",
    "N": "Numbers",
    "C": "Command line and environment",
    "O": "Outputs, and several runs at once",
    "I": "Reading, writing and signals",
    "M": "Memory and other resources",
    "X": "Attacks",
    "D": "Several machines",
    "R": "Runs that are resumed",
}


@frozen
class Fault:
    """A row. `reason` says why there is no test; then `test` and `outcome` are empty."""

    name: str
    situation: str
    outcome: str
    test: str
    reason: str


def faults() -> Iterator[Fault]:
    """All rows of the table."""
    outcomes = dict(_parts("fault_outcomes.txt"))
    for name, situation, where in _parts("fault_rows.txt"):
        if situation == "-":
            yield Fault(name, "", "", "", where)
        else:
            yield Fault(name, situation, outcomes.get(name, ""), where, "")


def faults_page() -> str:
    """The text of `docs/faults.md`."""
    order = [*_FAMILIES]
    rows = sorted(faults(), key=lambda fault: (order.index(fault.name[0]), fault.name))
    parts = [_HEAD]
    for family, members in groupby(rows, key=lambda fault: fault.name[0]):
        parts += [f"## {_FAMILIES[family]}", "", "| row | situation | what happens | test |"]
        parts += ["| --- | --- | --- | --- |", *map(_row, members), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def _row(fault: Fault) -> str:
    if fault.reason:
        return f"| {fault.name} | | no test: {fault.reason} | |"
    path, _, name = fault.test.partition("::")
    shown = name.removeprefix("test_").replace("_", " ") or Path(path).name
    outcome = re.sub(r"[EW]\d{3}", _with_status, fault.outcome)
    return f"| {fault.name} | {fault.situation} | {outcome} | [{shown}](../{path}) |"


def _with_status(found: re.Match[str]) -> str:
    status = CODES[found[0]].exit
    return f"{found[0]} ({status})" if status else found[0]


def _parts(table: str) -> Iterator[list[str]]:
    for line in (_TABLES / table).read_text(encoding="utf-8").splitlines():
        yield line.split(" | ")
