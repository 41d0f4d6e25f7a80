"""What a run may be told not to do, and where it says that it did not."""

from pathlib import Path
from typing import Any

import pytest

from mergec.shards import CheckpointWriter, Files
from tests.end_to_end.command_line import Mergec
from tests.lineages import statement

NO_READ_BACK = "note: the weights were not read back: a fault of the disk would go unnoticed"
NO_DIGESTS = "note: the weights were not hashed: only a replay tells whether they are as merged"
A_THIRD = (
    "note: 1 of 4 tensors read back (sample=2/3): "
    "a fault of the disk in the others would go unnoticed"
)
NO_SYNC = "note: nothing was synced: a power failure may still take any of it away"


@pytest.mark.parametrize(
    ("switches", "notes", "left_out"),
    [
        ([], [], None),
        (["--verify", "full"], [], None),
        (["--verify", "none"], [NO_READ_BACK], ["read_back"]),
        (["--verify", "sample=1/1"], [], None),
        (["--verify", "sample=2/3"], [A_THIRD], None),
        (["--no-sync"], [NO_SYNC], ["sync"]),
        (["--no-sync", "--verify", "none"], [NO_READ_BACK, NO_SYNC], ["read_back", "sync"]),
        (
            ["--verify", "none", "--no-digests"],
            [NO_DIGESTS, NO_READ_BACK],
            ["digests", "read_back"],
        ),
    ],
)
def test_what_is_left_out_is_said(
    mergec: Mergec, switches: list[str], notes: list[str], left_out: list[str] | None
) -> None:
    ran = mergec("run", "spec.merge", "-o", "out", *switches)
    assert ran.status == 0
    assert [line for line in ran.out.splitlines() if line.startswith("note:")] == notes
    assert statement("out").run.get("left_out") == left_out
    share = "sample=2/3" if A_THIRD in notes else None
    assert statement("out").run.get("read_back") == share
    assert mergec("verify", "out", "--replay", "full").status == 0


def test_the_switches_change_no_weight(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "whole").status == 0
    everything = ("--no-sync", "--verify", "none", "--no-digests")
    assert mergec("run", "spec.merge", "-o", "quick", *everything).status == 0
    for path in Path("whole").iterdir():
        if path.name != "lineage.json":
            assert (Path("quick") / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("switches", "reads", "syncs"),
    [([], True, True), (["--no-sync"], True, False), (["--verify", "none"], False, True)],
)
def test_a_switch_is_about_what_it_says(
    mergec: Mergec,
    monkeypatch: pytest.MonkeyPatch,
    switches: list[str],
    reads: bool,
    syncs: bool,
) -> None:
    done: list[str] = []
    read_back, system = CheckpointWriter.read_back, Files.system

    def counted_read_back(self: CheckpointWriter, *args: Any) -> None:
        done.append("read_back")
        read_back(self, *args)

    def counted_system(self: Files, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        done.append(call.__name__)
        return system(self, call, *args, **kwargs)

    monkeypatch.setattr(CheckpointWriter, "read_back", counted_read_back)
    monkeypatch.setattr(Files, "system", counted_system)
    assert mergec("run", "spec.merge", "-o", "out", *switches).status == 0
    assert ("read_back" in done) == reads
    assert ("fsync" in done) == syncs


def test_what_is_read_back_is_compared_with_digests(mergec: Mergec) -> None:
    refused = mergec("run", "spec.merge", "-o", "out", "--no-digests")
    assert refused.status == 2
    assert "`--no-digests` needs `--verify none`" in refused.err
    assert not Path("out").exists()


def test_without_digests_only_a_whole_replay_verifies(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out", "--verify", "none", "--no-digests").status == 0
    assert set(statement("out").tensors.values()) == {None}
    for asked in ([], ["--replay", "sample=1/2"]):
        answer = mergec("verify", "out", *asked)
        assert (answer.status, answer.out) == (
            14,
            "inconclusive: 0 tensors checked" + (", 0 recomputed\n" if asked else "\n"),
        )
        assert "the run took no digests of" in answer.err
        assert "`--replay full`" in answer.err
    assert mergec("verify", "out", "--replay", "full").status == 0
    weights = Path("out/model.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert mergec("verify", "out", "--replay", "full").status == 10
