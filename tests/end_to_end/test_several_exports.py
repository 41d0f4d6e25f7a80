"""Several exports of one spec: each as if it were alone, published together or not at all."""

import shutil
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.lineages import statement
from tests.toy_checkpoints import f32, weights

HEAD = (
    'base = model("./base")',
    'code = model("./code")',
    'math = model("./math")',
    "both = ties(base, code, math; density=0.3)",
    "half = slerp(both, code, t=0.5)",
    "skill = dare(code - base, density=0.5)",
)
EXPORTS = {
    "both": "export both",
    "half": 'export half as "half" { dtype = f32, shard = 0.1KB }',
    "skill": 'export delta skill as "skill"',
}
NAMES = [*EXPORTS]


@pytest.fixture
def out(mergec: Mergec) -> Path:
    write_spec(*HEAD, *EXPORTS.values())
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    return Path("out")


def test_each_folder_holds_what_a_run_of_its_own_writes(mergec: Mergec, out: Path) -> None:
    assert sorted(path.name for path in out.iterdir()) == NAMES
    for name, line in EXPORTS.items():
        write_spec(*HEAD, line)
        assert mergec("run", "spec.merge", "-o", f"{name}-alone", "-q").status == 0
        together = {path.name for path in (out / name).iterdir()}
        assert together == {path.name for path in Path(f"{name}-alone").iterdir()}
        # Lineage and card name the whole spec.
        for file in together - {"lineage.json", "README.md"}:
            alone = Path(f"{name}-alone", file).read_bytes()
            assert (out / name / file).read_bytes() == alone, (name, file)


def test_a_line_for_each_export_and_one_for_all(mergec: Mergec) -> None:
    write_spec(*HEAD, *EXPORTS.values())
    lines = mergec("run", "spec.merge", "-o", "out").out.splitlines()

    assert [line.split(",")[0] for line in lines] == [
        "wrote out/both: 4 tensors",
        "wrote out/half: 4 tensors",
        "wrote out/skill: 4 tensors",
        "wrote out: 12 tensors",
    ]


def test_each_lineage_says_which_export_it_is(out: Path) -> None:
    for name in NAMES:
        made = statement(out / name)
        kind = "delta" if name == "skill" else "model"
        assert made.export == {"name": name, "kind": kind, "folder": name}
        assert [*made.folders] == NAMES
        assert f"# {name}\n" in (out / name / "README.md").read_text()
    assert len({statement(out / name).plan for name in NAMES}) == 1


@pytest.mark.parametrize("backend", ["reference", "native", "torch"])
def test_all_are_verified_together_or_one_by_one(mergec: Mergec, backend: str) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    write_spec(*HEAD, *EXPORTS.values())
    assert mergec("run", "spec.merge", "-o", "out", "--backend", backend).status == 0

    assert mergec("verify", "out").out.splitlines() == [
        f"{name}: verified: 4 tensors checked" for name in NAMES
    ]
    replayed = mergec("verify", "out", "--replay", "full")
    assert replayed.status == 0
    assert replayed.out.splitlines() == [
        f"{name}: verified: 4 tensors checked, 4 recomputed" for name in NAMES
    ]
    one = mergec("verify", "out/half", "--replay", "full")
    assert (one.status, one.out) == (0, "verified: 4 tensors checked, 4 recomputed\n")


def test_the_worst_verdict_decides(mergec: Mergec, out: Path) -> None:
    path = out / "both" / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 4
    path.write_bytes(raw)
    shutil.rmtree("math")

    outcome = mergec("verify", "out", "--replay", "full")

    assert outcome.status == 10
    assert [line.split(": ")[:2] for line in outcome.out.splitlines()] == [
        ["both", "failed"],
        ["half", "inconclusive"],
        ["skill", "inconclusive"],
    ]
    assert mergec("verify", "out/skill", "--replay", "full").status == 14


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_gone_is_noticed_by_the_others(
    mergec: Mergec, out: Path, name: str
) -> None:
    shutil.rmtree(out / name)

    outcome = mergec("verify", "out")

    assert (outcome.status, set(outcome.codes)) == (10, {"E812"})
    assert f"`out/{name}` is not a checkpoint that mergec wrote" in outcome.err
    assert f"{name}: failed: 0 tensors checked\n" in outcome.out


def test_folders_that_are_not_ours(mergec: Mergec) -> None:
    Path("out/deep").mkdir(parents=True)
    Path("out/deep/lineage.json").write_text("{}")
    refused(mergec("verify", "out"), "E811", 4)


def test_a_plan_file_runs_as_its_spec_does(mergec: Mergec, out: Path) -> None:
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    assert mergec("run", "plan.json", "-o", "again", "-q").status == 0
    for name in NAMES:
        for path in (out / name).iterdir():
            assert Path("again", name, path.name).read_bytes() == path.read_bytes(), path


def test_one_export_that_fails_leaves_none(mergec: Mergec) -> None:
    tensors = {**weights("code"), "norm.weight": f32(1e38, 1.0, 1.0, 1.0)}
    (Path("code") / "model.safetensors").write_bytes(file_of(tensors))
    write_spec(*HEAD[:2], "export code", 'export 4*code - 3*base as "far" { dtype = f32 }')

    outcome = mergec("run", "spec.merge", "-o", "out")

    refused(outcome, "E806", 9)
    assert "in tensor `norm.weight`" in outcome.err
