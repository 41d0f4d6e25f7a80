"""The benchmark's own parts: the model generator, the recipes, the comparison, the report.

Nothing is timed here; figures come from `make bench`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType] - bare PathLike

from benchmarks.compare import Agreement, compare
from benchmarks.contestants import FLOOR, PEER
from benchmarks.floor import __file__ as floor_script
from benchmarks.make_models import PRESETS, Family, main, parameter_count, write_family
from benchmarks.measure import Measurement, measure
from benchmarks.recipes import RECIPES, merge_spec, mergekit_recipe
from benchmarks.report import Ratio, Result, markdown, paired_ratio, summarise, table, write_report
from benchmarks.weights import Delta, Dimensions, encode

SMALL = Family(
    Dimensions(hidden=16, layers=2, heads=4, kv_heads=2, inter=24, vocab=40), shard_mb=1.0, models=2
)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def tensors(folder: Path) -> dict[str, bytes]:
    """Raw bytes of every tensor of a checkpoint directory, read by a library that is not ours."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= {name: array.tobytes() for name, array in load_file(path).items()}
    return found


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    arguments = "--hidden 16 --layers 2 --heads 4 --kv-heads 2 --inter 24 --vocab 40 --models 2"
    main([*arguments.split(), "--shard-mb", "1", "--out", str(tmp_path / "one")])
    write_family(SMALL, tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"base", "ft0", "ft1", "family.json"}


def test_another_seed_changes_every_tensor_but_no_other_file(tmp_path: Path) -> None:
    write_family(SMALL, tmp_path / "one")
    write_family(replace(SMALL, seed=1), tmp_path / "two")
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    changed = {name for name in one if one[name] != two[name]}
    weights = {f"{model}/model.safetensors" for model in ("base", "ft0", "ft1")}
    assert changed == weights | {"family.json"}
    first, second = tensors(tmp_path / "one" / "base"), tensors(tmp_path / "two" / "base")
    assert all(first[name] != second[name] for name in first)
    assert len({data[:32] for data in first.values()}) == len(first)  # a stream for each tensor


def test_the_cut_into_shards_does_not_change_the_tensors(tmp_path: Path) -> None:
    write_family(SMALL, tmp_path / "whole")
    write_family(replace(SMALL, shard_mb=0.002), tmp_path / "cut")
    assert tensors(tmp_path / "whole" / "ft1") == tensors(tmp_path / "cut" / "ft1")
    index = json.loads((tmp_path / "cut" / "ft1" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == tensors(tmp_path / "whole" / "ft1").keys()
    assert index["metadata"]["total_size"] == 2 * parameter_count(SMALL.size)
    assert set(index["weight_map"].values()) == {
        path.name for path in (tmp_path / "cut" / "ft1").glob("*.safetensors")
    }


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_a_delta_of_nothing_leaves_the_stored_base_alone(tmp_path: Path, dtype: str) -> None:
    main([f"--dtype={dtype}", "--hidden=8", "--layers=1", "--heads=2", "--kv-heads=1", "--inter=8",
          "--vocab=16", "--models=1", "--delta=sparse:0:0.1", f"--out={tmp_path}"])  # fmt: skip
    assert tensors(tmp_path / "ft0") == tensors(tmp_path / "base")


def test_a_tied_model_has_no_head(tmp_path: Path) -> None:
    write_family(replace(SMALL, size=replace(SMALL.size, tied=True), models=0), tmp_path / "tied")
    write_family(replace(SMALL, models=0), tmp_path / "untied")
    tied, untied = tensors(tmp_path / "tied" / "base"), tensors(tmp_path / "untied" / "base")
    assert untied.keys() - tied.keys() == {"lm_head.weight"}
    assert json.loads((tmp_path / "tied/base/config.json").read_text())["tie_word_embeddings"]


def test_bf16_is_rounded_as_ml_dtypes_rounds_it() -> None:
    bits = np.arange(0, 1 << 32, 65_521, dtype=np.uint64).astype(np.uint32)
    halfway = (bits & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    values = np.concatenate([bits, halfway]).view(np.float32)
    values = values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        expected = values.astype(ml_dtypes.bfloat16).view(np.uint16)
    np.testing.assert_array_equal(encode(values, "bf16"), expected)


def test_a_delta_is_read_or_refused() -> None:
    assert Delta.parse("gaussian:0.5") == Delta(0.5)
    assert Delta.parse("sparse:0.1:0.5") == Delta(0.5, 0.1)
    with pytest.raises(ValueError, match="neither gaussian:STD nor sparse:FRACTION:STD"):
        Delta.parse("uniform:1")


def test_the_mid_preset_is_the_shape_of_tinyllama() -> None:
    assert parameter_count(PRESETS["mid"][0]) == 1_100_048_384


def test_both_tools_are_asked_for_the_same_merge(tmp_path: Path) -> None:
    spec = merge_spec(RECIPES["ties"], tmp_path / "family", tmp_path / "specs")
    assert spec.splitlines() == [
        "mergec 1",
        "# ties of base + 3, density 0.3, written by the benchmark",
        "",
        'base = model("../family/base")',
        'ft0 = model("../family/ft0")',
        'ft1 = model("../family/ft1")',
        'ft2 = model("../family/ft2")',
        "",
        "child = ties(base, ft0, ft1, ft2; density=0.3)",
    ]
    recipe = mergekit_recipe(RECIPES["ties"], Path("/f"), "float32")
    settings = "    parameters: {weight: 1.0, density: 0.3}"
    assert recipe.splitlines() == [
        "merge_method: ties",
        "base_model: /f/base",
        "models:",
        *(line for n in range(3) for line in (f"  - model: /f/ft{n}", settings)),
        "parameters: {normalize: true}",
        "dtype: float32",
        "out_dtype: bfloat16",
    ]


def test_the_comparison_counts_equal_values_across_shards(tmp_path: Path) -> None:
    write_family(replace(SMALL, models=0), tmp_path / "one")
    write_family(replace(SMALL, models=0, shard_mb=0.002), tmp_path / "two")
    base, other = tmp_path / "one" / "base", tmp_path / "two" / "base"
    count = parameter_count(SMALL.size)
    assert compare(base, other) == Agreement(21, count, 1.0, 0.0)
    words = np.memmap(base / "model.safetensors", dtype="<u2", mode="r+")
    words[-1] ^= 0x8000  # the sign of one weight
    words.flush()
    size = abs(float(words[-1:].view(ml_dtypes.bfloat16)[0]))
    assert compare(base, other) == Agreement(21, count, 1 - 1 / count, 2 * size)


def test_the_comparison_refuses_other_shapes(tmp_path: Path) -> None:
    write_family(replace(SMALL, models=0), tmp_path / "one")
    longer = replace(SMALL.size, vocab=41)
    write_family(replace(SMALL, size=longer, models=0), tmp_path / "two")
    with pytest.raises(ValueError, match=r"is \(40, 16\) on one side, \(41, 16\) on the other"):
        compare(tmp_path / "one" / "base", tmp_path / "two" / "base")


def test_the_floor_reads_everything_and_writes_the_size_asked_for(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(5_000_000))
    command = [sys.executable, floor_script, str(tmp_path / "out"), "4200000"]
    subprocess.run([*command, str(tmp_path / "in")], check=True)
    assert (tmp_path / "out").stat().st_size == 4_200_000


def test_a_failing_command_is_measured_and_keeps_its_last_words(tmp_path: Path) -> None:
    program = "import sys; print('why', file=sys.stderr); sys.exit(3)"
    measured = measure([sys.executable, "-c", program], os.environ, tmp_path)
    assert (measured.returncode, measured.error, measured.output_bytes) == (3, "why", 0)


def test_the_harness_stays_small() -> None:
    # its resident set at the fork counts into the peak of every tool it measures
    program = "import sys, benchmarks.run; print('numpy' in sys.modules)"
    root = Path(floor_script).parent.parent
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=root, capture_output=True, check=True).stdout == b"False\n"


def run_of(wall: float, *, cpu: float = 1, peak: int = 10_000_000) -> Measurement:
    """A measurement of `wall` seconds."""
    return Measurement(0, wall, cpu, peak_bytes=peak, anon_bytes=peak // 2, output_bytes=7_000_000)


ROUNDS = [
    {FLOOR: run_of(1), PEER: run_of(10), "mergec reference": run_of(2, cpu=4)},
    {FLOOR: run_of(4), PEER: run_of(40), "mergec reference": run_of(20, cpu=6, peak=30_000_000)},
    {FLOOR: run_of(2), PEER: run_of(10), "mergec reference": run_of(6, cpu=5)},
]


def test_ratios_are_taken_inside_a_round() -> None:
    # the ratio of medians would be 6 / 10
    assert paired_ratio(ROUNDS, "mergec reference", PEER) == Ratio(0.5, 0.2, 0.6)
    assert paired_ratio(ROUNDS, PEER, FLOOR) == Ratio(10, 5, 10)
    assert paired_ratio(ROUNDS[:1], FLOOR, "absent") is None


def test_a_round_without_a_contestant_counts_for_the_others_only() -> None:
    rounds = [*ROUNDS, {FLOOR: run_of(100), PEER: run_of(100)}]
    assert summarise(rounds, "mergec reference") == summarise(ROUNDS, "mergec reference")
    assert summarise(rounds, FLOOR).runs == 4


def test_a_summary_has_medians_of_time_and_maxima_of_memory() -> None:
    summary = summarise(ROUNDS, "mergec reference")
    assert (summary.wall_s, summary.wall_min_s, summary.cpu_s) == (6, 2, 5)
    assert (summary.peak_bytes, summary.anon_bytes) == (30_000_000, 15_000_000)


RESULT = Result(
    recipe="linear",
    title="linear of 2",
    input_bytes=14_000_000,
    rounds=ROUNDS,
    failures={"mergec torch": "exit 69: no torch"},
    agreement={"mergec reference": {"elements": 200, "equal_share": 0.995, "max_difference": 0.5}},
)

TABLE = """\
## linear of 2 (14 MB read)

| tool | runs | wall s | min s | CPU s | peak MB | held MB | out MB | x floor | x mergekit |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |
| floor | 3 | 2.00 | 1.00 | 1.00 | 10 | 5 | 7 | 1 (1 to 1) | 0.1 (0.1 to 0.2) |
| mergekit | 3 | 10.00 | 10.00 | 1.00 | 10 | 5 | 7 | 10 (5 to 10) | 1 (1 to 1) |
| mergec reference | 3 | 6.00 | 2.00 | 5.00 | 30 | 15 | 7 | 3 (2 to 5) | 0.5 (0.2 to 0.6) |

- mergec torch failed: exit 69: no torch
- mergec reference beside mergekit: 99.5000% of 200 values equal, largest difference 0.5
"""


def test_the_table_shows_failures_and_agreement() -> None:
    assert table(RESULT) == TABLE


def test_the_report_has_every_run_and_the_machine(tmp_path: Path) -> None:
    text, data = write_report(tmp_path / "results", "mid", "Title", {"cores": "2"}, [RESULT])
    assert text.read_text() == markdown("Title", {"cores": "2"}, [RESULT])
    assert TABLE in text.read_text()
    assert "| cores | 2 |" in text.read_text()
    record = json.loads(data.read_text())
    assert record["machine"] == {"cores": "2"}
    walls = [one["mergec reference"]["wall_s"] for one in record["results"][0]["rounds"]]
    assert walls == [2, 20, 6]
