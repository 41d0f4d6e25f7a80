"""From measurements to figures: records and their files, ratios, targets, tables, regressions.

Nothing is timed here; figures come from `make bench`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import regressions, report
from benchmarks.measure import Measurement
from benchmarks.records import Draft, Record, Run, append, load_history, run_of
from benchmarks.regressions import Change, changes, pairs
from benchmarks.report import latest_by_key, markdown, table, targets_table, write_reports
from benchmarks.run import main
from benchmarks.summary import Spread, ratio, to_floor
from benchmarks.targets import Target, Verdict, judge, load_targets
from benchmarks.variants import MODES, Variant


def took(wall: float, *, floor: float | None = None, cpu: float = 1, peak: float = 10) -> Run:
    return Run(wall, cpu, peak, held_mb=peak / 2, output_mb=7, floor_s=floor)


ROUNDS = [
    {"native fast": took(2, floor=1, cpu=4), "mergekit": took(10, floor=1, peak=300)},
    {"native fast": took(20, floor=4, cpu=6, peak=30), "mergekit": took(40, floor=5, peak=300)},
    {"native fast": took(6, floor=2, cpu=5), "mergekit": took(10, floor=2, peak=600)},
]
RECORD = Record(
    key="linear2-mid-warm-peers",
    recipe="linear2",
    size="mid",
    cache="warm",
    when="2026-11-22T14:00Z",
    commit="abc1234",
    machine={"cores": "2"},
    software={"python": "3.11"},
    read_mb=4400.2,
    written_mb=2200.1,
    load="0.5",
    rounds=ROUNDS,
    failures={"sd-mecha": "exit 1: no"},
    agreement={"mergekit": {"elements": 200, "equal_share": 0.995, "max_difference": 0.5}},
)


def times(
    *walls: float, key: str = "ties3-mid-warm", commit: str = "new", cpu: float = 1
) -> Record:
    """A record of one contestant, its floor a second."""
    rounds = [{"native fast": took(wall, floor=1, cpu=cpu)} for wall in walls]
    return replace(RECORD, key=key, commit=commit, rounds=rounds, failures={}, agreement={})


def test_a_run_is_rounded_to_what_can_be_known() -> None:
    measured = Measurement(0, 1.23456789, 0.5, 20_054_016, 7_233_536, 2_200_119_648)
    floor = replace(measured, wall_s=0.25)
    assert run_of(measured, floor) == Run(1.2346, 0.5, 20.05, 7.23, 2200.12, 0.25)
    assert run_of(measured, None).floor_s is None


def test_ratios_are_taken_inside_a_round() -> None:
    # the ratio of medians would be 10 / 6
    assert ratio(RECORD, "mergekit", "native fast") == Spread(2, 10 / 6, 5, 3)
    assert ratio(RECORD, "native fast", "absent") is None


def test_the_floor_is_the_one_just_before() -> None:
    assert to_floor(RECORD, "native fast") == Spread(3, 2, 5, 3)
    assert to_floor(RECORD, "mergekit") == Spread(8, 5, 10, 3)


def test_a_round_without_a_contestant_counts_for_the_others_only() -> None:
    more = replace(RECORD, rounds=[*ROUNDS, {"mergekit": took(100, floor=10)}])
    assert to_floor(more, "native fast") == to_floor(RECORD, "native fast")
    assert len(more.runs("mergekit")) == 4


def test_the_history_gives_back_what_was_added(tmp_path: Path) -> None:
    history = tmp_path / "results" / "history.jsonl"
    assert load_history(history) == []
    later = replace(RECORD, when="2026-11-23T14:00Z")
    append(history, RECORD)
    append(history, later)
    assert load_history(history) == [RECORD, later]
    medians = json.loads(history.read_text().splitlines()[0])["medians"]
    assert medians["native fast"] == {"wall_s": 6, "cpu_s": 5, "peak_mb": 10, "to_floor": 3}


def test_a_stopped_case_goes_on_if_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "cases" / "linear2.json"
    fresh = replace(RECORD, rounds=(), failures={}, agreement={}, when="later")
    draft = Draft(path, "code 1")
    assert draft.resume(fresh) == fresh
    draft.save(RECORD)
    assert draft.resume(fresh) == replace(fresh, rounds=ROUNDS)  # who failed may try again
    assert Draft(path, "code 2").resume(fresh) == fresh


def test_a_case_is_finished_once_it_is_in_the_history(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "linear2.json", "code")
    whole = replace(RECORD, failures={})
    assert draft.finished(1) is None
    draft.save(whole)
    assert draft.finished(3) is None
    draft.save(whole, kept=True)
    assert draft.finished(3) == whole
    assert draft.finished(4) is None
    draft.save(RECORD, kept=True)
    assert draft.finished(3) is None  # a contestant failed


TARGET = Target(
    "t", ("ties3",), "{recipe}-mid-warm", "native fast", "to_floor", at_most=6, stretch=3
)


@pytest.mark.parametrize(
    ("wall", "verdict"), [(3.0, "stretch met"), (3.1, "met"), (6.0, "met"), (6.1, "missed")]
)
def test_an_upper_bound_is_met_or_missed(wall: float, verdict: Verdict) -> None:
    (judged,) = judge([TARGET], {"ties3-mid-warm": times(wall)})
    assert (judged.value, judged.verdict) == (wall, verdict)


@pytest.mark.parametrize(("gate", "verdict"), [(2.0, "met"), (2.1, "missed")])
def test_a_lower_bound_is_met_or_missed(gate: float, verdict: Verdict) -> None:
    faster = replace(
        TARGET,
        measure="times_faster_than_mergekit",
        recipes=("linear2",),
        at_most=None,
        at_least=gate,
        stretch=40,
    )
    (judged,) = judge([faster], {RECORD.key: RECORD})
    assert (judged.value, judged.verdict) == (2, verdict)


def test_memory_and_stages_are_compared_inside_a_round() -> None:
    less = replace(TARGET, measure="times_less_memory_than_mergekit", recipes=("linear2",))
    assert judge([less], {RECORD.key: RECORD})[0].value == 30
    rounds = [{"native fast": took(3), "native fast single stage": took(2)}]
    staged = replace(TARGET, measure="to_single_stage")
    found = judge([staged], {"ties3-mid-warm": replace(RECORD, rounds=rounds)})
    assert found[0].value == 1.5


def test_a_case_with_other_tools_serves_where_the_one_without_does_not_tell() -> None:
    alone, beside = times(5), replace(times(4), key="ties3-mid-warm-peers", when="2026-11-21")
    both = {record.key: record for record in (alone, beside)}
    assert judge([TARGET], both)[0].value == 5  # the later one
    assert judge([TARGET], {beside.key: beside})[0].value == 4
    assert judge([TARGET], {})[0].verdict == "not measured"


def test_the_targets_name_measures_and_contestants_that_exist() -> None:
    names = {Variant(mode).name for mode in MODES}
    assert {target.of for target in load_targets()} <= names


def test_a_target_without_a_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    text = (
        '[[target]]\ntitle = "t"\nrecipes = []\ncase = ""\nof = ""\nmeasure = "speed"\nat_most = 1'
    )
    path.write_text(text)
    with pytest.raises(ValueError, match="t: `speed` is no measure"):
        load_targets(path)
    path.write_text(text.replace("speed", "cpu_s").replace("at_most = 1", ""))
    with pytest.raises(ValueError, match="one of at_most and at_least is needed"):
        load_targets(path)


TABLE = """\
## linear of 2, warm cache (4400 MB read, 2200 MB written)

`linear2-mid-warm-peers` at abc1234, 2026-11-22T14:00Z, load 0.5

|  | runs | wall s | min s | CPU s | peak MB | held MB | x floor | times as fast as mergekit |
| --- | --: | --: | --: | --: | --: | --: | --: | --: |
| floor | 6 | 2.00 | 1.00 | - | - | - | - | - |
| native fast | 3 | 6.00 | 2.00 | 5.00 | 30 | 15 | 3 (2 to 5) | 2 (1.67 to 5) |
| mergekit | 3 | 10.00 | 10.00 | 1.00 | 600 | 300 | 8 (5 to 10) | 1 (1 to 1) |

- sd-mecha failed: exit 1: no
- values of mergekit: 99.5000% of 200 equal ours, largest difference 0.5
"""


def test_the_table_shows_ratios_failures_and_agreement() -> None:
    assert table(RECORD) == TABLE


def test_the_table_says_what_safety_costs() -> None:
    walls = {"fast": 2, "hashed": 3, "checked": 5, "synced": 6, "default": 7}
    rounds = [{f"native {mode}": took(wall, floor=1) for mode, wall in walls.items()}]
    lines = table(replace(RECORD, rounds=rounds, failures={}, agreement={})).splitlines()
    assert lines[-4:] == [
        "- native, hashing the output: 1.5 times `fast`",
        "- native, hashing it and reading it back: 2.5 times `fast`",
        "- native, forcing it to disk: 3 times `fast`",
        "- native, all of these: 3.5 times `fast`",
    ]


def test_targets_are_shown_with_their_verdicts() -> None:
    lines = targets_table(judge([TARGET], {"ties3-mid-warm": times(4)})).splitlines()
    assert lines[-1] == "| t | ties3 | 4 | ≤ 6 | ≤ 3 | met |"


def test_reports_show_the_latest_of_each_case_on_one_machine(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    elsewhere = replace(times(9, key="slerp-mid-warm"), machine={"cores": "64"})
    other_size = replace(times(9, key="ties3-small-warm"), size="small")
    for record in (elsewhere, times(5), times(4, 4), RECORD, other_size):
        append(history, record)
    alone, beside = write_reports(history, "mid", tmp_path / "out")
    assert (alone.name, beside.name) == ("mid.md", "mid-peers.md")
    assert table(times(4, 4)) in alone.read_text()
    assert "slerp-mid-warm" not in alone.read_text()
    assert TABLE in beside.read_text()
    assert "| cores | 2 |" in beside.read_text()
    assert write_reports(history, "tiny", tmp_path / "out") == []
    report.main(["small", "--history", str(history), "--out", str(tmp_path / "out")])
    assert "ties3-small-warm" in (tmp_path / "out" / "small.md").read_text()


def test_a_report_has_its_machine_and_its_notes() -> None:
    text = markdown("Title", [RECORD], [])
    assert text.startswith("# Title\n\n| fact | value |\n| --- | --- |\n| cores | 2 |\n")
    assert TABLE in text
    assert "How to read this" in text


def test_records_of_another_machine_are_not_the_latest() -> None:
    elsewhere = replace(times(9, key="slerp-mid-warm"), machine={"cores": "64"})
    assert latest_by_key([elsewhere, RECORD]) == {RECORD.key: RECORD}


def verdict(old: Record, new: Record) -> str:
    return next(change for change in changes(old, new) if change.measure == "x floor").verdict


def test_worse_is_beyond_every_old_run_and_a_margin() -> None:
    old = times(4.0, 4.2, 4.4)
    assert verdict(old, times(4.5, 4.6, 4.7)) == "worse"
    assert verdict(old, times(4.3, 4.9, 5.0)) == "same"  # runs overlap
    assert verdict(times(4.3, 4.35, 4.4), times(4.5, 4.5, 4.5)) == "same"  # less than a twentieth
    assert verdict(old, times(3.0, 3.1, 3.9)) == "better"


def test_few_runs_need_a_wide_margin() -> None:
    assert verdict(times(4), times(4.9)) == "same"
    assert verdict(times(4), times(5.1)) == "worse"


def test_cpu_and_memory_are_compared_too() -> None:
    found = changes(times(4, 4, 4, cpu=1), times(4, 4, 4, cpu=2))
    verdicts = {change.measure: change.verdict for change in found}
    assert verdicts == {"x floor": "same", "CPU s": "worse", "peak MB": "same"}


def test_other_tools_do_not_regress() -> None:
    assert {change.contestant for change in changes(RECORD, RECORD)} == {"native fast"}


def test_the_last_two_records_of_a_case_are_compared_or_those_of_two_commits() -> None:
    first, second, third = (times(wall, commit=f"{wall}ab") for wall in (1, 2, 3))
    elsewhere = replace(times(9, commit="9ab"), machine={"cores": "64"})
    history = [first, elsewhere, second, third, RECORD]
    assert pairs(history, None) == [(second, third)]
    assert pairs(history, ("1", "3ab")) == [(first, third)]
    assert pairs(history, ("9", "3")) == []


def test_the_command_shows_what_is_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.jsonl"
    append(history, times(2, 2, 2, commit="old"))
    append(history, times(3, 3, 3, commit="new"))
    assert regressions.main(["--history", str(history)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "| ties3-mid-warm | native fast | x floor | 2 (2 to 2) | 3 (3 to 3) | 1.50 | worse |",
        "1 cases compared, 3 measures, 1 worse",
    ]
    assert regressions.main(["new", "old", "--history", str(history)]) == 0
    assert "better" in capsys.readouterr().out


def test_a_change_of_nothing_is_no_change() -> None:
    same = Spread(0, 0, 0, 3)
    assert Change("k", "c", "peak MB", same, same).verdict == "same"


def test_a_tool_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = "--ops slerp --size toy --peers mergekit --peer-python /nowhere/python --data"
    assert main([*arguments.split(), str(tmp_path)]) == 2
    assert "has no mergekit 0.1.5: run `make bench-peers`" in capsys.readouterr().err
