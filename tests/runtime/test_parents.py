"""What a run asks of the weights before it merges: a common ancestor, and one head."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.api import compile_spec, execute
from mergec.api.specs import CompiledSpec
from mergec.catalog import TensorEntry
from mergec.diagnostics import Diagnostic, MergecError
from mergec.shards import SourceReader
from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.toy_checkpoints import bf16, write_checkpoint

Floats = NDArray[np.float32]
SIDE = 160


def trained(seed: int) -> dict[str, Floats]:
    """Four matrices of 25,600 entries; another seed is another training."""
    random = np.random.default_rng(seed)
    return {
        f"layers.{n}.weight": random.standard_normal((SIDE, SIDE), np.float32) for n in range(4)
    }


def tuned(before: Mapping[str, Floats], seed: int) -> dict[str, Floats]:
    step = trained(seed)
    return {name: (x + 0.1 * step[name]).astype(np.float32) for name, x in before.items()}


def put(folder: Path, tensors: Mapping[str, Floats]) -> None:
    folder.mkdir()
    file = {name: ("F32", [*x.shape], x.astype("<f4").tobytes()) for name, x in tensors.items()}
    (folder / "model.safetensors").write_bytes(file_of(file))


@pytest.fixture
def trio(tmp_path: Path) -> Path:
    """`a`, its fine-tune `b`, and `c` from another training."""
    put(tmp_path / "a", trained(1))
    put(tmp_path / "b", tuned(trained(1), 2))
    put(tmp_path / "c", trained(3))
    return tmp_path


def compiled(root: Path, *lines: str) -> CompiledSpec:
    names = [name for name in "abc" if (root / name).exists()]
    text = [f'{name} = model("./{name}")' for name in names] + [*lines]
    (root / "spec.merge").write_text("\n".join(text) + "\n")
    return compile_spec(root / "spec.merge")


def refusal(root: Path, *lines: str) -> tuple[Diagnostic, ...]:
    """What running the spec is refused with; none if it ran."""
    spec = compiled(root, *lines)
    try:
        execute(spec, root / "out", backend="reference")
    except MergecError as error:
        assert not (root / "out").exists()
        return error.diagnostics
    return ()


@pytest.mark.parametrize("child", ["linear(a, b)", "a + 0.5*(b - a)", "slerp(b, a; t=0.3)"])
def test_relatives_are_merged(trio: Path, child: str) -> None:
    assert refusal(trio, f"child = {child}") == ()


@pytest.mark.parametrize("child", ["linear(a, c)", "a + 0.5*(c - a)", "ties(a, b, c; density=0.3)"])
def test_strangers_are_refused_before_anything_is_written(trio: Path, child: str) -> None:
    (found,) = refusal(trio, f"child = {child}")
    assert (found.code, found.exit) == ("E821", 5)
    assert found.message == "`./a` and `./c` are merged and seem to have no common ancestor"
    assert found.span is not None
    assert [label.text for label in found.labels] == ["merged with this"]
    assert re.match(r"the median cosine of 4 sampled matrices is -?0\.0\d;", found.notes[0])
    assert re.match(r"they are `layers\.0\.weight` -?0\.0\d, ", found.notes[1])


def test_two_strangers_are_two_findings(trio: Path) -> None:
    put(trio / "d", trained(4))
    found = refusal(trio, 'd = model("./d")', "child = linear(a, c, d)")
    assert [each.code for each in found] == ["E821", "E821"]


def test_strangers_may_be_allowed_for_a_reason(trio: Path) -> None:
    lines = ["# mergec: allow W705 because it is an experiment", 'd = model("./c", id="d")']
    spec = compiled(trio, *lines, "child = linear(a, d)")
    assert [each.code for each in spec.warnings] == ["W201", "W201"]  # b and c
    execute(spec, trio / "out", backend="reference")


def test_an_allow_that_no_merge_needs_is_unused(trio: Path) -> None:
    lines = ["# mergec: allow W705 because it is an experiment", 'd = model("./c", id="d")']
    spec = compiled(trio, *lines, "child = linear(a, b)", 'export child as "x"')
    assert "W207" in [each.code for each in spec.warnings]


def test_what_is_only_copied_side_by_side_is_not_asked(trio: Path) -> None:
    child = "match { layers(0..2) => a, else => c }"
    assert refusal(trio, f"child = {child}") == ()


def test_aligned_models_are_not_asked(trio: Path) -> None:
    units = '"layers.0.weight[0], layers.1.weight[1]"'
    aligned = f"weight_match(c, a; units={units})"
    assert compiled(trio, f"child = {aligned} |> linear(a)").plan.kin == ()
    assert len(compiled(trio, "child = linear(c, a)").plan.kin) == 1


def test_toys_are_not_judged(tmp_path: Path) -> None:
    small = {name: x[:100, :100] for name, x in trained(1).items()}
    put(tmp_path / "a", small)
    put(tmp_path / "b", {name: x[:100, :100] for name, x in trained(2).items()})
    assert refusal(tmp_path, "child = linear(a, b)") == ()


def test_a_few_megabytes_are_read_of_a_model_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of forty matrices sixteen, and of each no more than 2¹⁵ entries."""
    wide = {f"layers.{n}.weight": np.ones((2048, 32), np.float32) for n in range(40)}
    put(tmp_path / "a", wide)
    put(tmp_path / "b", wide)
    (asked,) = compiled(tmp_path, "child = linear(a, b)").plan.kin
    assert len(asked.pairs) == 16
    read = 0
    plain = SourceReader.read_into

    def counting(
        self: SourceReader, entry: TensorEntry, at: int, buffer: memoryview, *more: Any
    ) -> None:
        nonlocal read
        read += buffer.nbytes
        plain(self, entry, at, buffer, *more)

    monkeypatch.setattr(SourceReader, "read_into", counting)
    assert refusal(tmp_path, "child = linear(a, b)") == ()
    merged = 2 * 40 * 2048 * 32 * 4
    assert read - merged == 2 * 16 * (1 << 15) * 4


def test_tensors_are_compared_where_they_meet(tmp_path: Path) -> None:
    """The tower of one is the other model, under other names."""
    put(tmp_path / "a", {f"tower.text.{name}": x for name, x in trained(1).items()})
    put(tmp_path / "b", tuned(trained(1), 2))
    renamed = 'rename(b, "layers.*" => "tower.text.layers.*")'
    put(tmp_path / "c", trained(3))
    (found,) = refusal(tmp_path, f"child = linear(a, {renamed.replace('b,', 'c,')})")
    assert found.code == "E821"
    assert refusal(tmp_path, f"child = linear(a, {renamed})") == ()


TIED = {"model_type": "llama", "num_hidden_layers": 1, "tie_word_embeddings": True}
NAMES: Mapping[str, Sequence[int]] = {
    "model.embed_tokens.weight": (8, 4),
    "model.layers.0.mlp.up_proj.weight": (4, 4),
}


def twice_stored(head: str, table: str = "embedding") -> dict[str, Tensor]:
    held = {name: bf16(table, shape) for name, shape in NAMES.items()}
    return {"lm_head.weight": bf16(head, (8, 4)), **held}


def test_a_tied_head_that_is_stored_twice_is_written_once(tmp_path: Path) -> None:
    for name in "ab":
        write_checkpoint(tmp_path / name, twice_stored("embedding"), config=TIED)
    spec = compiled(tmp_path, "child = linear(a, b)")
    assert [row.tensor for row in spec.plan.rows] == [*NAMES]
    execute(spec, tmp_path / "out", backend="reference")


def test_a_head_that_is_not_the_embedding_it_is_tied_to_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", twice_stored("embedding"), config=TIED)
    write_checkpoint(tmp_path / "b", twice_stored("another"), config=TIED)
    (found,) = refusal(tmp_path, "child = linear(a, b)")
    assert (found.code, found.exit) == ("E425", 5)
    assert "`./b`" in found.message
    assert found.help is not None
    assert '"tie_word_embeddings": false' in found.help[0]


def test_a_head_of_another_dtype_is_not_the_embedding(tmp_path: Path) -> None:
    held = twice_stored("embedding")
    held["lm_head.weight"] = ("F32", [8, 4], bytes(128))
    for name in "ab":
        write_checkpoint(tmp_path / name, held, config=TIED)
    assert [each.code for each in refusal(tmp_path, "child = linear(a, b)")] == ["E425", "E425"]


def test_a_head_beside_an_embedding_that_nobody_reads_is_not_asked(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", twice_stored("embedding"), config=TIED)
    write_checkpoint(tmp_path / "b", twice_stored("another"), config=TIED)
    assert refusal(tmp_path, "child = match { mlp => linear(a, b), else => a }") == ()
