"""Barriers in whole runs from files: passes before anything is written, and what they cost."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype, TensorEntry, open_checkpoint
from mergec.diagnostics import MergecError, SourceText
from mergec.execute import Origin, run_plan
from mergec.plan import (
    Budget,
    Plan,
    compile_text,
    encode_plan,
    fit_budget,
    plan_hash,
    plan_member,
    review,
)
from mergec.plan.barriers import needed, waves
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import loaded, long_arrays, stored
from tests.catalog.safetensors_bytes import file_of

LONG = 2 * 2**16 + 9001
LABELS = ("base", "code", "math")
BOUND = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in LABELS)
CHILD = "child = ties(base, d, math; density=0.4, scope=global, zero=majority)\n"
SPEC = f"{BOUND}d = trim(code - base; density=0.3, scope=global)\n{CHILD}export child\n"
Held = dict[str, dict[str, StoredTensor]]


def held_tensors(length: int) -> Held:
    """Two tensors of `length` elements and of two dtypes, and a small one."""
    kinds = (Dtype.BF16, Dtype.F32)
    found: Held = {}
    for seed, label in enumerate(LABELS):
        arrays = long_arrays(Dtype.BF16, 2, length, seed)
        found[label] = {
            f"{i}.weight": stored(x, dtype)
            for i, (x, dtype) in enumerate(zip(arrays, kinds, strict=True))
        }
        found[label]["norm"] = stored(long_arrays(Dtype.BF16, 1, 5, 9 + seed)[0], Dtype.BF16)
    return found


def write(root: Path, held: Held) -> None:
    for label, tensors in held.items():
        table = {name: (x.dtype.value, [*x.shape], x.data) for name, x in tensors.items()}
        (root / label).mkdir()
        (root / label / "model.safetensors").write_bytes(file_of(table))


@pytest.fixture(scope="module")
def held() -> Held:
    return held_tensors(LONG)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, held_tensors(300))
    return tmp_path


def planned(root: Path, text: str = SPEC) -> Plan:
    return compile_text(SourceText("child.merge", text), root).plan


def run(
    plan: Plan,
    target: Path,
    backend: str | Backend = "reference",
    *,
    threads: int = 1,
    block: int = 2**16,
) -> None:
    budget = Budget(block, threads, 2**20, 2**30, 2**30)
    name = backend if isinstance(backend, str) else backend.name
    origin = Origin("child.merge", "", name, "cpu")
    using = get_backend(backend) if isinstance(backend, str) else backend
    run_plan(plan, target, using, budget, origin)


def tensors_in(folder: Path) -> Iterator[tuple[str, StoredTensor]]:
    for entry in open_checkpoint(folder)[0].tensors.values():
        data = (folder / entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
        yield str(entry.name), StoredTensor(entry.dtype, entry.shape, data)


def test_blocks_and_threads_leave_no_trace(held: Held, tmp_path: Path) -> None:
    write(tmp_path, held)
    plan, wanted = planned(tmp_path), evaluate(SPEC, held, get_backend("reference"))
    for threads, block in ((1, 2**16), (4, 2**17), (2, 2**18)):
        run(plan, tmp_path / f"{threads}-{block}", threads=threads, block=block)
        assert dict(tensors_in(tmp_path / f"{threads}-{block}")) == wanted


def test_an_export_by_itself_is_what_it_is_among_others(root: Path) -> None:
    part = 'export delta select(d, "norm") as "part"\n'
    run(planned(root, f'{SPEC}{part}require norm(d) > 0, "something is kept"'), root / "together")
    run(planned(root, SPEC), root / "child")
    run(planned(root, SPEC.replace("export child\n", part)), root / "part")
    assert dict(tensors_in(root / "together" / "child")) == dict(tensors_in(root / "child"))
    assert dict(tensors_in(root / "together" / "part")) == dict(tensors_in(root / "part"))
    assert list(dict(tensors_in(root / "part"))) == ["norm"]


def test_a_barrier_reads_all_tensors_and_comes_after_those_that_it_needs(root: Path) -> None:
    plan = planned(root)
    first, *others = waves(plan.barriers)
    names = {plan.names[barrier.node]: barrier for barrier in first}
    assert {barrier.stage for barrier in first} == {"global_trim"}
    assert [reading.tensor for reading in names["d"].readings] == ["0.weight", "1.weight", "norm"]
    assert {reading.work for b in plan.barriers for reading in b.readings} == {Dtype.F64}
    assert [[(b.stage, b.part) for b in wave] for wave in others] == [
        [("global_trim", 0)],
        [("global_election", 2)],
    ]
    alone = planned(root, SPEC.replace("child\n", 'delta select(d, "norm") as "part"\n', 2))
    assert [barrier.stage for barrier in alone.barriers] == ["global_trim"]
    read = sum(b.nbytes for label in ("base", "code") for b in _entries(alone, label))
    assert alone.bytes_read == read  # of all tensors, though one is written
    assert needed(plan.barriers, []) == ()
    assert needed(plan.barriers, [alone.rows[0].program]) == (names["d"],)


@pytest.mark.parametrize(
    "text",
    [
        SPEC.replace("ties(base, d, math", "ties(base, math, d"),
        SPEC.replace("\nd =", "\ne =").replace("base, d,", "base, e,"),
        SPEC.replace(BOUND, "".join([*reversed(BOUND.splitlines(keepends=True))])),
    ],
    ids=["operands", "names", "lines"],
)
def test_what_means_the_same_has_the_same_hash(text: str, root: Path) -> None:
    assert plan_hash(planned(root, text)) == plan_hash(planned(root))


def test_the_plan_says_what_is_read_first(root: Path) -> None:
    plan = planned(root)
    budget = fit_budget(plan, 2**30, 1, "reference")
    found = plan_member(plan)["barriers"]
    assert [sorted(each) for each in found] == [
        ["node", "params", "part", "readings", "revision", "stage"]
    ] * 4
    assert [len(each["readings"]) for each in found] == [3] * 4
    document: dict[str, Any] = json.loads(encode_plan(plan, budget, "a.merge", SPEC, {}, {}))
    one = sum(entry.nbytes for entry in plan.sources[0].checkpoint.tensors.values())
    # In the first wave `d` and the trim of `math` share the base; then come four and one pass more.
    assert document["estimate"]["bytes_read_first"] == 4 * 3 * one + 4 * 2 * one + 3 * one
    text = review(plan, budget)
    section = text.split("statistics over all tensors, before the first is written\n")[1]
    assert section.split("\n\n")[0].splitlines() == [
        "  1  d: global_trim over 3 tensors in 4 passes",
        "  1  child: global_trim over 3 tensors in 4 passes",
        "  2  child: global_trim over 3 tensors in 4 passes",
        "  3  child: global_election over 3 tensors in 1 pass",
    ]
    assert "barrier" not in text


def test_stages_of_one_operator_are_one_line(root: Path) -> None:
    text = f'{BOUND}{CHILD.replace("d,", "code,")}export select(child, "norm")\n'
    plan = planned(root, text)
    found = review(plan, fit_budget(plan, 2**30, 1, "reference"))
    assert "  1  child: 2 × global_trim over 3 tensors in 4 passes\n" in found
    text = text.replace("base, code,", 'select(base, "norm"), select(code, "norm"),')
    text = text.replace(" math;", ' select(math, "norm");')
    plan = planned(root, text)
    found = review(plan, fit_budget(plan, 2**30, 1, "reference"))
    assert "  1  child: 2 × global_trim over 1 tensor in 4 passes\n" in found


def test_tensors_that_differ_by_their_names_alone_share_a_program(root: Path) -> None:
    text = f'{SPEC}export delta rename(d, "*.weight" => "*.moved") as "moved"\n'
    rows = {row.tensor: row for row in planned(root, text).exports[1].rows}
    moved = [rows[f"{number}.moved"] for number in range(2)]
    assert moved[0].program.key == moved[1].program.key
    assert [name for row in moved for _, name in row.origins] == ["0.weight", "1.weight"]


def test_what_is_kept_of_each_tensor_counts_in_the_budget(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(root)
    limit = fit_budget(plan, 2**30, 1, "reference").peak + 2**27
    stage = type(plan.barriers[0].definition())
    monkeypatch.setattr(stage, "kept_bytes", _sixteen_megabytes)
    with pytest.raises(MergecError) as caught:
        fit_budget(plan, limit, 1, "reference")
    assert caught.value.diagnostics[0].code == "E601"


def test_nothing_stays_of_a_run_that_a_barrier_stops(root: Path) -> None:
    code = dict(tensors_in(root / "code"))
    code["norm"] = replace(code["norm"], data=b"\xff\x7f" * 5)
    table = {name: (x.dtype.value, [*x.shape], x.data) for name, x in code.items()}
    (root / "code" / "model.safetensors").write_bytes(file_of(table))
    with pytest.raises(MergecError) as caught:
        run(planned(root), root / "out", threads=2)
    assert caught.value.diagnostics[0].code == "E805"
    assert sorted(path.name for path in root.iterdir()) == sorted(LABELS)


class _Counting(Backend):
    """Counts the blocks that are decoded; at one of them it is as if someone pressed Ctrl-C."""

    def __init__(self, last: int = 0) -> None:
        self.count, self.last, self.inside = 0, last, get_backend("reference")
        self.name, self.xp = self.inside.name, self.inside.xp

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Any:
        self.count += 1
        if self.count == self.last:
            raise KeyboardInterrupt
        return self.inside.load(raw, dtype, work)

    def store(self, block: Any, dtype: Dtype) -> memoryview:
        return self.inside.store(block, dtype)

    def count_non_finite(self, block: Any) -> int:
        return self.inside.count_non_finite(block)

    def count_overflow(self, block: Any, dtype: Dtype) -> int:
        return self.inside.count_overflow(block, dtype)

    def count_underflow(self, block: Any, dtype: Dtype) -> int:
        return self.inside.count_underflow(block, dtype)


@pytest.mark.parametrize("before", [9, 9 + 1, 9 + 30, 9 + 9 + 24 + 36 - 1])
def test_a_run_may_be_interrupted_in_any_pass(before: int, root: Path) -> None:
    """Three rows read three tensors each; one, four and four passes before read 9, 6 and 9."""
    whole = _Counting()
    run(planned(root), root / "out", whole)
    with pytest.raises(KeyboardInterrupt):
        run(planned(root), root / "again", _Counting(whole.count - before))
    assert sorted(path.name for path in root.iterdir()) == sorted([*LABELS, "out"])


def test_every_tensor_is_seen_with_its_own_setting(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(root)
    stage = type(plan.barriers[0].definition())
    inside, seen = stage.observe, set[tuple[str, int]]()

    def observe(self: Any, xp: Any, acc: Any, blocks: Any, setting: Any) -> Any:
        seen.add((setting.trim.site.tensor, len(blocks[0])))
        return inside(self, xp, acc, blocks, setting)

    monkeypatch.setattr(stage, "observe", observe)
    run(plan, root / "out")
    assert seen == {("0.weight", 300), ("1.weight", 300), ("norm", 5)}


def test_a_stage_that_is_never_settled_is_a_bug(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(root)
    monkeypatch.setattr(type(plan.barriers[0].definition()), "settled", _never)
    monkeypatch.setattr("mergec.execute.barriers._MOST_PASSES", 3)
    with pytest.raises(RuntimeError, match="never settled"):
        run(plan, root / "out")


def test_readings_are_independent_of_the_order_of_threads(held: Held, tmp_path: Path) -> None:
    """Ties within a class go to the tensors that stand first, not to those that are done first."""
    ones = {
        label: {
            name: stored(np.full(x.shape, float(label != "base")), x.dtype)
            for name, x in tensors.items()
        }
        for label, tensors in held.items()
    }
    write(tmp_path, ones)
    d = "d = trim(code - base; density=0.001, scope=global)"
    plan = planned(tmp_path, f'{BOUND}{d}\nexport delta d as "d"\n')
    for threads in (1, 4):
        run(plan, tmp_path / f"{threads}", threads=threads)
    assert dict(tensors_in(tmp_path / "1")) == dict(tensors_in(tmp_path / "4"))
    kept = {name: np.count_nonzero(loaded(x)) for name, x in tensors_in(tmp_path / "1")}
    assert kept == {"0.weight": 2 * LONG // 1000, "1.weight": 0, "norm": 0}


def _entries(plan: Plan, label: str) -> list[TensorEntry]:
    return [*plan.checkpoints[label].tensors.values()]


def _sixteen_megabytes(_stage: object, _params: object) -> int:
    return 2**24


def _never(_stage: object, _setting: object) -> bool:
    return False
