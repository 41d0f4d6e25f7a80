"""The benchmark's own parts: the model generator, the comparison, the floor, the measurement.

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
from benchmarks.floor import __file__ as floor_script
from benchmarks.make_models import Family, main, write_family
from benchmarks.measure import measure
from benchmarks.sizes import SIZES, Dimensions, llama_tensors, parameter_count
from benchmarks.weights import Delta, encode

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


def test_a_family_grows_without_writing_again_what_is_there(tmp_path: Path) -> None:
    write_family(replace(SMALL, models=1), tmp_path / "grown")
    (tmp_path / "grown" / "ft0" / "config.json").unlink()
    write_family(SMALL, tmp_path / "grown")
    assert not (tmp_path / "grown" / "ft0" / "config.json").exists()
    write_family(SMALL, tmp_path / "whole")
    assert tensors(tmp_path / "grown" / "ft1") == tensors(tmp_path / "whole" / "ft1")
    write_family(replace(SMALL, seed=1), tmp_path / "grown")  # another family: all of it again
    assert (tmp_path / "grown" / "ft0" / "config.json").exists()


def test_the_sizes_are_what_their_names_say() -> None:
    assert parameter_count(SIZES["mid"]) == 1_100_048_384  # the shape of TinyLlama
    for count in (200, 2_000, 20_000):
        size = SIZES[f"tensors{count}"]
        assert len(list(llama_tensors(size))) == count + 1
        assert 100e6 < parameter_count(size) < 115e6


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
    for kind in ("plain", "fsync", "sha256"):
        out = tmp_path / kind
        command = [sys.executable, floor_script, kind, str(out), "4200000"]
        subprocess.run([*command, f"{tmp_path / 'in'}:100:5000000"], check=True)
        assert out.stat().st_size == 4_200_000


def test_a_failing_command_is_measured_and_keeps_its_last_words(tmp_path: Path) -> None:
    program = "import sys; print('why', file=sys.stderr); sys.exit(3)"
    measured = measure([sys.executable, "-c", program], os.environ, tmp_path)
    assert (measured.returncode, measured.error, measured.output_bytes) == (3, "why", 0)


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    program = "import signal; signal.pause()"
    measured = measure([sys.executable, "-c", program], os.environ, tmp_path, limit_s=0.3)
    assert measured.returncode == -9
    assert measured.error == "no error, but it had not ended after 0.3 s"
