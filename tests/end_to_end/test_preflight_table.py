"""`mergec run --preflight-only`: every row, whatever the others say, and nothing left behind."""

import json
import resource
from pathlib import Path

import pytest

from mergec.execute.machine_memory import MemoryLimit
from mergec.shards import CheckpointWriter
from tests.end_to_end.command_line import Mergec

ROWS = [
    *("folder", "sources", "name", "permission", "space", "file system"),
    *("lock", "memory", "open files", "backend", "arithmetic"),
]


def test_all_is_well(mergec: Mergec) -> None:
    outcome = mergec("run", "spec.merge", "-o", "out", "--preflight-only")
    assert (outcome.status, outcome.err, outcome.made) == (0, "", set())
    assert [line[8:20].strip() for line in outcome.out.splitlines()] == ROWS
    assert all(line.startswith("ok ") for line in outcome.out.splitlines())


def test_every_fault_has_its_row_and_the_first_gives_the_status(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("base/out").mkdir()
    right = resource.getrlimit

    def limited(what: int) -> tuple[int, int]:
        return (20, 4096) if what == resource.RLIMIT_NOFILE else right(what)

    monkeypatch.setattr(resource, "getrlimit", limited)
    outcome = mergec(
        *("run", "spec.merge", "-o", "base/out", "--preflight-only"),
        *("--backend", "reference", "--device", "cuda", "--output-format", "json"),
    )
    document = json.loads(outcome.out)
    codes = {row["what"]: row["code"] for row in document["rows"] if not row["ok"]}
    assert codes == {"sources": "E802", "name": "E801", "open files": "E827", "backend": "E603"}
    assert (outcome.status, document["exit"], outcome.made) == (7, 7, set())
    assert outcome.err.count("error[") == 4


def test_a_run_that_is_alive_holds_the_lock(mergec: Mergec) -> None:
    with CheckpointWriter.create(Path("out"), {"": ()}, []):
        outcome = mergec("run", "spec.merge", "-o", "out", "--preflight-only")
    assert (outcome.status, outcome.codes) == (7, ["E850"])


def test_a_run_for_which_there_is_no_memory_begins_not_at_all(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = [MemoryLimit("the machine", 1 << 40, 1 << 39), MemoryLimit("a control group", 1, None)]
    monkeypatch.setattr("mergec.api.work.memory_limits", lambda: tight)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.codes, outcome.made) == (6, ["E826"], set())
    assert "a control group leaves" in outcome.err
