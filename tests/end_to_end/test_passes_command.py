"""`mergec plan --passes` and `--print-after`, and passes that are switched off."""

import json
from pathlib import Path

import pytest

from mergec.ir import parse_graph
from mergec.passes import OPTIONAL, PIPELINE
from tests import lineages
from tests.end_to_end.command_line import Mergec, refused, write_spec

FAMILY = tuple(f'{name} = model("./{name}")' for name in ("base", "code", "math", "instruct"))
WITH_ALL = (
    *FAMILY[:3],
    "skill = trim(trim(2*(code - base); density=0.6); density=0.3)",
    "child = ties(base, base + skill, math; weights=[1, 0], density=0.5)",
)

README = """\
passes  (those of the normal form define the result, the others change no bit of it)
  1  expand_composites    normal form  replaces operators by the stages that they mean
       - `ties` becomes 2 × trim, elect_sign, agreeing_mean, affine (4 tensors)
  2  drop_identities      normal form  drops stages that change nothing, and what only they read
       - nothing to do
  3  normalise_affine     normal form  makes one sum of sums of sums, with exact coefficients
       - nothing to do
  4  drop_dead_operands   bitwise      leaves out operands of weight 0, and what only they read
       - nothing to do
  5  drop_lone_elections  bitwise      drops elections with one voter, and averages of one
       - nothing to do
  6  hoist_factors        bitwise      moves powers of two out of trims and drops into sums
       - nothing to do
  7  merge_trims          bitwise      makes one trim of trims that follow each other
       - nothing to do

child: 4 tensors, embed.weight and 3 more, computing in f32
  %0 = -base + code
  %1 = trim(%0; density=0.3, rescale=none, ties=index)  used 2 times
  %2 = -base + math
  %3 = trim(%2; density=0.3, rescale=none, ties=index)  used 2 times
  %4 = elect_sign(%1, %3; elect=mass, weight_stage=before, weights=[1, 1], zero=drop)
  %5 = agreeing_mean(%4, %1, %3; agg=wmean, elected=true, weight_stage=before, weights=[1, 1])
  %6 = base + %5
  child = slerp(%6, instruct; antiparallel=error, extrapolate=false, norm=raw, scope=tensor, t=0.5)
  sweep 1  computes %0, %2 block by block; collects statistics for %1 (trim), %3 (trim)
  sweep 2  computes %0, %2 block by block; collects statistics for %1 (trim), %3 (trim)
  sweep 3  computes %0, %1, %2, %3, %4, %5, %6 block by block; collects statistics for child (slerp)
  sweep 4  computes %0, %1, %2, %3, %4, %5, %6, child block by block; writes
  why      2 for the statistics of trim, then 1 for the statistics of slerp, then 1 that writes
           one after the other, the 8 stages would pass over memory 13 times
"""


def test_a_reviewer_learns_what_is_fused_and_why(mergec: Mergec) -> None:
    write_spec(*FAMILY, "child = ties(base, code, math; density=0.3) |> slerp(instruct, t=0.5)")
    shown = mergec("plan", "spec.merge", "--passes")
    assert (shown.status, shown.codes, shown.made) == (0, [], set())
    assert shown.out == README


def test_each_pass_says_what_it_did(mergec: Mergec) -> None:
    write_spec(*WITH_ALL)
    shown = mergec("plan", "spec.merge", "--passes").out
    for told in (
        "`elect_sign` leaves out the operand of `./base` and `./math`: its weight is 0 (4 tensors)",
        "`./math` is no longer read (4 tensors)",
        "`agreeing_mean` goes: the mean of one is that one (4 tensors)",
        "the factor 2 moves out of `trim` and `trim` and `trim` into the sum that adds it",
        "`trim` with density 1/2 drops nothing after one with 3/10 (4 tensors)",
    ):
        assert f"       - {told}" in shown
    assert "one after the other, the 3 stages would pass over memory 5 times" in shown


def test_what_is_computed_together_is_told(mergec: Mergec) -> None:
    write_spec(*FAMILY[:3], "one = ties(base, code, math)", "two = ties(base, code, math; scale=2)",
               "export one", "export two", 'require norm(one) >= 0, "always"')  # fmt: skip
    shown = mergec("plan", "spec.merge", "--passes").out
    assert shown.endswith(
        "computed together, since they read the same tensors\n"
        "  one and two and a statistic of a contract: 21 stages become 8 (4 times)\n"
    )


@pytest.mark.parametrize("name", [each.name for each in PIPELINE])
def test_the_graph_after_a_pass_is_printed_and_parses(mergec: Mergec, name: str) -> None:
    write_spec(*WITH_ALL)
    shown = mergec("plan", "spec.merge", f"--print-after={name}")
    assert shown.status == 0
    first, _, text = shown.out.partition("\n")
    assert first == f"# after {name}: embed.weight and 3 more"
    assert list(parse_graph(shown.out).outputs) == ["result"]
    names = [each.name for each in PIPELINE]
    assert ("elect_sign" in text) == (names.index(name) < names.index("drop_lone_elections"))


def test_several_graphs_are_printed_in_the_order_asked(mergec: Mergec) -> None:
    asked = ("--print-after=merge_trims", "--print-after=expand_composites")
    shown = mergec("plan", "spec.merge", *asked, "--passes").out
    heads = [line for line in shown.splitlines() if line.startswith(("# after", "passes "))]
    assert [head.split()[2] for head in heads[:2]] == ["merge_trims:", "expand_composites:"]
    assert len(heads) == 3


@pytest.mark.parametrize("option", ["--print-after", "--without-pass"])
def test_an_unknown_pass_is_answered_with_the_list(mergec: Mergec, option: str) -> None:
    outcome = mergec("plan", "spec.merge", f"{option}=fuse")
    assert (outcome.status, outcome.out) == (2, "")
    assert all(each.name in outcome.err for each in PIPELINE)


@pytest.mark.parametrize("command", [("plan",), ("run", "-o", "out")])
def test_the_normal_form_cannot_be_switched_off(mergec: Mergec, command: tuple[str, ...]) -> None:
    outcome = mergec(*command, "spec.merge", "--without-pass=normalise_affine")
    assert (outcome.status, outcome.made) == (2, set())
    assert "normalise_affine is part of the normal form" in outcome.err
    assert ", ".join(OPTIONAL) in " ".join(outcome.err.split())


def test_text_is_no_json(mergec: Mergec) -> None:
    outcome = mergec("plan", "spec.merge", "--passes", "--output-format=json")
    assert (outcome.status, outcome.out) == (2, "")


def test_without_a_pass_the_plan_differs_and_the_bytes_do_not(mergec: Mergec) -> None:
    write_spec(*WITH_ALL)
    hashes: set[str] = set()
    for name in ("", *OPTIONAL):
        without = (f"--without-pass={name}",) if name else ()
        hashes.add(mergec("plan", "spec.merge", *without).out.splitlines()[-1])
        assert mergec("run", "spec.merge", "-o", f"out-{name}", *without).status == 0
        replayed = mergec("verify", f"out-{name}", "--replay", "full")
        assert (replayed.status, replayed.codes) == (0, []), replayed.err
        told = mergec("plan", "spec.merge", "--passes", *without).out
        assert ("- switched off" in told) == bool(name)
    assert len(hashes) == 1 + len(OPTIONAL)
    assert len({path.read_bytes() for path in Path().glob("out-*/model.safetensors")}) == 1


@pytest.mark.parametrize(
    ("said", "barriers"),
    [
        ("ties(base, code, math; weights=[1, 0], scope=global)", (2, 1)),
        ("ties(base, code, math; weights=[1, 0], scope=global, zero=majority)", (3, 3)),
        ("ties(base, base + trim(trim(code - base; density=1/2); density=1/4); scope=global)",
         (1, 1)),
    ],
)  # fmt: skip
def test_statistics_of_all_tensors_that_nothing_needs_are_not_collected(
    mergec: Mergec, said: str, barriers: tuple[int, int]
) -> None:
    write_spec(*FAMILY[:3], f"child = {said}")
    off = [f"--without-pass={name}" for name in OPTIONAL]
    for folder, without, count in (("one", off, barriers[0]), ("other", [], barriers[1])):
        plan = mergec("plan", "spec.merge", "--output-format=json", *without)
        assert len(json.loads(plan.out)["plan"]["barriers"]) == count
        assert mergec("run", "spec.merge", "-o", folder, *without).status == 0
    one, other = (Path(out, "model.safetensors").read_bytes() for out in ("one", "other"))
    assert one == other


def test_a_plan_file_knows_what_was_switched_off(mergec: Mergec) -> None:
    write_spec(*WITH_ALL)
    made = mergec("plan", "spec.merge", "-o", "child.json", "--without-pass=merge_trims")
    assert made.status == 0
    assert mergec("run", "child.json", "-o", "out").status == 0
    outcome = mergec("run", "child.json", "-o", "other", "--without-pass=merge_trims")
    assert (outcome.status, outcome.made) == (2, set())


def test_what_a_file_says_was_switched_off_is_a_list_of_names(mergec: Mergec) -> None:
    assert mergec("plan", "spec.merge", "-o", "child.json").status == 0
    document = json.loads(Path("child.json").read_text())
    for wrong in (3, "merge_trims", [3]):
        document["spec"]["without"] = wrong
        Path("wrong.json").write_text(json.dumps(document))
        refused(mergec("run", "wrong.json", "-o", "out"), "E604", 6)
        Path("wrong.json").unlink()
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    known = lineages.document("out")
    lineages.external(known)["spec"]["without"] = {"merge_trims": 1}
    lineages.write("out", known)
    refused(mergec("verify", "out", "--replay", "full"), "E811", 4)


def test_a_source_of_which_nothing_is_used_is_shown(mergec: Mergec) -> None:
    write_spec(*WITH_ALL)
    (line,) = (row for row in mergec("plan", "spec.merge").out.splitlines() if "./math" in row)
    assert line.endswith("  - no tensor used")


def test_the_normal_form_is_shown_without_the_other_passes(mergec: Mergec) -> None:
    write_spec(*WITH_ALL)
    assert "elect_sign" in mergec("expand", "--normal", "spec.merge").out
