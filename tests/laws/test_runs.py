"""Whole runs from files: what is written depends on the sources and the spec, and nothing else."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype, open_checkpoint
from mergec.diagnostics import SourceText
from mergec.execute import Origin, run_plan
from mergec.plan import Budget, Plan, compile_text, plan_hash
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import long_arrays, stored
from tests.catalog.safetensors_bytes import file_of
from tests.strategies import Checkpoints, checkpoints, specs

BACKENDS = ["reference", *(["torch"] if find_spec("torch") else [])]
LONG = 2 * 2**16 + 9001


@settings(max_examples=8)
@given(data=st.data())
def test_files_are_merged_as_tensors_in_memory_are(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec.labels, exact=False))
    wanted = evaluate(spec.text, held, get_backend("reference"))
    with folder_of(held) as root:
        plan = planned(spec.text, root)
        for backend in BACKENDS:
            assert run(plan, root / f"out-{backend}", backend) == wanted, spec.text


@settings(max_examples=20)
@given(data=st.data())
def test_names_and_free_order_do_not_change_the_plan(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    with folder_of(data.draw(checkpoints(spec.labels, exact=False))) as root:
        plan = planned(spec.text, root)
        assert plan_hash(planned(spec.renamed, root)) == plan_hash(plan)
        permuted = planned(spec.permuted, root)
        # The first operand, where there is no base, decides on names and dtypes.
        assume(permuted.donor == plan.donor)
        assert plan_hash(permuted) == plan_hash(plan), spec.permuted


@pytest.mark.parametrize("backend", BACKENDS)
def test_blocks_and_threads_leave_no_trace(backend: str, tmp_path: Path) -> None:
    held = {
        label: {
            f"{i}.weight": stored(x, dtype)
            for i, (x, dtype) in enumerate(
                zip(long_arrays(Dtype.BF16, 2, LONG, seed), (Dtype.BF16, Dtype.F32), strict=True)
            )
        }
        for seed, label in enumerate(("base", "a", "b"))
    }
    write(tmp_path, held)
    text = (
        'base = model("./base")\na = model("./a")\nb = model("./b")\n'
        "d = dare(a - base; density=0.7, rescale=l1) + trim(b - base; density=0.3, rescale=l2)\n"
        "child = ties(base, d, b; density=0.4, zero=majority) |> slerp(a, t=0.3)\n"
    )
    plan = planned(text, tmp_path)
    plain = run(plan, tmp_path / "plain", "reference")
    for threads, block in ((1, 2**16), (3, 2**17), (2, 2**18)):
        target = tmp_path / f"{threads}-{block}"
        assert run(plan, target, backend, threads=threads, block=block) == plain


class folder_of:  # reads as a function where it is used
    """A temporary folder with these checkpoints in it."""

    def __init__(self, held: Checkpoints) -> None:
        self._folder, self._held = TemporaryDirectory(), held

    def __enter__(self) -> Path:
        root = Path(self._folder.__enter__())
        write(root, self._held)
        return root

    def __exit__(self, *failure: object) -> None:
        self._folder.cleanup()


def write(root: Path, held: Checkpoints) -> None:
    """Each source into the folder of its label."""
    for label, tensors in held.items():
        table = {name: (x.dtype.value, [*x.shape], x.data) for name, x in tensors.items()}
        (root / label).mkdir()
        (root / label / "model.safetensors").write_bytes(file_of(table))


def planned(text: str, root: Path) -> Plan:
    return compile_text(SourceText("child.merge", text), root).plan


def run(
    plan: Plan, target: Path, backend: str, *, threads: int = 1, block: int = 2**16
) -> Mapping[str, StoredTensor]:
    """Run a plan and read back what it wrote."""
    budget = Budget(block, threads, 2**20, 2**30, 2**30)
    origin = Origin("child.merge", "", ".", backend, "cpu")
    run_plan(plan, target, get_backend(backend), budget, origin)
    return dict(tensors_in(target))


def tensors_in(folder: Path) -> Iterator[tuple[str, StoredTensor]]:
    for entry in open_checkpoint(folder)[0].tensors.values():
        data = (folder / entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
        yield entry.name, StoredTensor(entry.dtype, entry.shape, data)
