"""`mergec laws` as CI calls it: exit statuses, what it prints, and the files it leaves."""

import importlib.util
import json
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mergec.ops import trim
from tests.end_to_end.command_line import Mergec, refused

QUICK = ("--backend", "reference", "-j", "1")


def test_laws_that_hold(mergec: Mergec) -> None:
    found = mergec("laws", "scale", "trim", "--law", "odd", *QUICK)
    assert (found.status, found.err) == (0, "")
    lines = r"(scale|trim ) +reference +\d of +\d\n" * 2
    assert re.fullmatch(lines + r"\d laws of 2 operators on reference: all hold\n", found.out)


def test_a_broken_law(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_one(density: Fraction, n: int) -> int:
        return min(n, 1)

    monkeypatch.setattr(trim, "kept_count", only_one)
    found = mergec("laws", "trim", "--law", "support_count", *QUICK, "--effort", "ci")
    assert (found.status, found.codes) == (10, ["E901"])
    assert found.out.startswith("trim: support_count, on reference\n  law ")
    again = re.search(r"`(mergec laws [^`]*)`", found.err)
    assert again is not None
    assert again[1] in found.out
    assert mergec(*again[1].split()[1:]).out == found.out


def test_a_file_for_ci(mergec: Mergec) -> None:
    found = mergec("laws", "scale", *QUICK, "--junit", "laws.xml", "--output-format", "json")
    assert (found.status, found.made) == (0, {"laws.xml"})
    document = json.loads(found.out)
    assert document["broken"] == 0
    cases = [case.get("name") for case in ElementTree.parse("laws.xml").iter("testcase")]
    assert cases == [law["label"] for law in document["laws"]]


def test_a_list_tries_nothing(mergec: Mergec) -> None:
    found = mergec("laws", "dare", "--list")
    assert found.out.startswith("dare\n  identity_at(density=1)\n")
    assert "  not idempotent_map(density=1/2)\n    this is false" in found.out
    rows = json.loads(mergec("laws", "dare", "--list", "--output-format", "json").out)["laws"]
    assert [f"  {row['label']}" for row in rows] == [
        line for line in found.out.splitlines() if re.match("  [^ ]", line)
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("tise",), "E902", 2),
        (("ties", "--law", "odds"), "E902", 2),
        (("ties", "--backend", "numpy"), "E603", 6),
        (("ties", "--junit", "no/such/folder.xml", "--law", "odd", *QUICK), "E803", 8),
    ],
)
def test_what_cannot_be_done(
    mergec: Mergec, arguments: tuple[str, ...], code: str, status: int
) -> None:
    found = mergec("laws", *arguments)
    assert (found.codes, found.status, found.made) == ([code], status, set()), found.err


def test_without_hypothesis_the_extra_is_named(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without(name: str) -> object:
        return None if name == "hypothesis" else find(name)

    monkeypatch.setattr("mergec.cli.laws_command.find_spec", without)
    found = mergec("laws")
    refused(found, "E603", 6)
    assert 'pip install "mergec[verify]"' in found.err


def test_ctrl_c_ends_it(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mergec.verify.law_runs.try_law", interrupted)
    found = mergec("laws", "scale", *QUICK, "--junit", "laws.xml")
    assert (found.status, found.out, found.made) == (130, "", set())
    assert not Path("laws.xml").exists()
