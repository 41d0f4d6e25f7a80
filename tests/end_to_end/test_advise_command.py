"""`mergec advise`: what it prints, the spec that it writes, and what it refuses."""

import json
import re
from pathlib import Path

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_family import write_members

ADVICE = """\
try first  ties
because    up to PERCENT of the entries that two deltas change have opposite signs
           the largest delta is PERCENT of the base's norm
then       a density of 0.2 to 0.5
           dare before ties
           della, sce, consensus
avoid      a plain average
"""
SPEC = """\
base   = model("./toys/base")
coder  = model("./toys/coder")
mather = model("./toys/mather")

child = ties(base, coder, mather; density=0.3)
"""
TOYS = ("./toys/base", "./toys/coder", "./toys/mather")


def write_toys() -> None:
    write_members(Path("toys"), ["base", "coder", "mather"])


def blurred(text: str) -> str:
    """Without the figures, which are tested elsewhere."""
    return re.sub(r"\d+(\.\d+)? %", "PERCENT", text)


def test_advice_and_a_spec_to_start_from(mergec: Mergec) -> None:
    write_toys()
    found = mergec("advise", *TOYS, "--backend", "reference")
    assert (found.status, found.err, found.made) == (0, "", set())
    assert blurred(found.out) == f"{ADVICE}\n{SPEC}"


def test_a_spec_is_written_where_it_finds_its_sources(mergec: Mergec) -> None:
    write_toys()
    Path("specs").mkdir()
    found = mergec("advise", *TOYS, "-o", "specs/start.merge", "--backend", "reference")
    assert found.made == {"specs/start.merge"}
    assert blurred(found.out) == f"{ADVICE}wrote specs/start.merge\n"
    assert Path("specs/start.merge").read_text() == SPEC.replace('"./', '"../')
    assert mergec("check", "specs/start.merge").status == 0


def test_no_spec_is_written_where_nothing_should_be_merged(mergec: Mergec) -> None:
    found = mergec("advise", "--no-base", "./code", "./wider", "-o", "start.merge")
    assert (found.status, found.made) == (0, set())
    assert found.out.startswith(
        "try first  distil or route\nbecause    `embed.weight` is bf16[8,4]"
    )


def test_the_members_of_its_json_stay(mergec: Mergec) -> None:
    write_toys()
    document = json.loads(mergec("advise", *TOYS, "--json", "--backend", "reference").out)
    assert [*document] == [
        "schema", "sources", "choice", "reasons", "then", "avoid", "spec", "situation", "warnings",
    ]  # fmt: skip
    assert document["schema"] == "mergec.advise/1"
    assert document["sources"] == dict(zip(("base", "coder", "mather"), TOYS, strict=True))
    assert (document["choice"], document["spec"]) == ("ties", SPEC)
    situation = document["situation"]
    assert [*situation] == [
        "parents", "has_base", "obstacles", "moved", "kinship", "alignable", "sizes", "changed",
        "cosines", "conflicts",
    ]  # fmt: skip
    assert (situation["parents"], situation["has_base"], situation["alignable"]) == (2, True, True)


def test_one_model_is_no_merge(mergec: Mergec) -> None:
    found = mergec("advise", "./base")
    assert found.status == 2
    assert "name two models or more" in found.err


def test_what_cannot_be_opened_and_what_is_no_model(mergec: Mergec) -> None:
    missing = mergec("advise", "./base", "./nobody", "./nowhere")
    assert (missing.status, missing.codes) == (4, ["E701", "E701"])
    write_spec('a = model("./base")', 'b = model("./code")', "export delta b - a")
    mergec("run", "spec.merge", "-o", "step", "--backend", "reference")
    refused(mergec("advise", "./base", "./step"), "E302", 3)
