"""`mergec verify` by the standard library alone, and `--against`: two outputs compared."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import PORTIONS, Mergec, refused
from tests.toy_checkpoints import bf16, weights

_ALONE = """\
import sys
class Nobody:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "mergec" and top not in sys.stdlib_module_names:
            raise ImportError(name)
sys.meta_path.insert(0, Nobody())
from pathlib import Path
from mergec.api import verify_results
for verdict in verify_results(Path(sys.argv[1]), against=Path(sys.argv[1])).values():
    print(verdict.state, verdict.checked)
"""


def test_digests_are_checked_with_the_standard_library_alone(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    done = subprocess.run(
        [sys.executable, "-S", "-c", _ALONE, "out"],
        env={"PYTHONPATH": PORTIONS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("verified 4\n", "")


def test_two_runs_are_the_same_however_they_are_sharded(mergec: Mergec) -> None:
    spec = Path("spec.merge").read_text()
    assert mergec("run", "spec.merge", "-o", "one").status == 0
    assert mergec("run", "spec.merge", "-o", "two", "--backend", "reference").status == 0
    outcome = mergec("verify", "one", "--against", "two")
    assert (outcome.status, outcome.out) == (0, "verified: 4 tensors checked\n")
    Path("spec.merge").write_text(f"{spec}export child {{ shard = 0.0001MB }}\n")
    assert mergec("run", "spec.merge", "-o", "three").status == 0
    outcome = mergec("verify", "one", "--against", "three")
    # The card has the text of the spec.
    assert outcome.codes == ["E876"]
    assert "error[E876]: `README.md` has other bytes, compared with `three`" in outcome.err


def flip_last(folder: Path) -> None:
    path = folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def reshape(folder: Path) -> None:
    tensors = {**weights("base"), "norm.weight": bf16("norm", (2, 2))}
    (folder / "model.safetensors").write_bytes(file_of(tensors))


def leave_out(folder: Path) -> None:
    tensors = {name: tensor for name, tensor in weights("base").items() if "norm" not in name}
    (folder / "model.safetensors").write_bytes(file_of(tensors))


def edit_config(folder: Path) -> None:
    (folder / "config.json").write_text("{}")


def lose_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (flip_last, "tensor `norm.weight` has other bytes, from element 3 on"),
        (reshape, "tensor `norm.weight` is bf16[4] here and bf16[2,2] there"),
        (leave_out, "tensor `norm.weight` is only here"),
        (edit_config, "`config.json` has other bytes"),
        (lose_config, "`config.json` is only here"),
    ],
)
def test_what_differs_is_named(mergec: Mergec, change: Callable[[Path], object], told: str) -> None:
    for name in ("one", "two"):
        assert mergec("run", "spec.merge", "-o", name).status == 0
    change(Path("two"))
    outcome = mergec("verify", "one", "--against", "two")
    assert (outcome.status, {*outcome.codes}) == (10, {"E876"}), outcome.err
    assert told in outcome.err
    assert outcome.out == "failed: 4 tensors checked\n"


def test_an_output_that_is_broken_itself_is_not_compared(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "one").status == 0
    flip_last(Path("one"))
    refused(mergec("verify", "one", "--against", "nowhere"), "E812", 10)


def test_nothing_to_compare_with(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "one").status == 0
    refused(mergec("verify", "one", "--against", "nowhere"), "E701", 4)
