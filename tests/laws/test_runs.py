"""Whole runs from files: what is written depends on the sources and the spec, and nothing else."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype, open_checkpoint
from mergec.diagnostics import SourceText
from mergec.execute import Origin, run_plan
from mergec.plan import Budget, Plan, check_bundle, compile_bundle, compile_text, plan_hash
from mergec.verify.evaluate import StoredTensor, evaluate_bundle
from mergec.verify.law_tensors import long_arrays, stored
from tests.catalog.safetensors_bytes import file_of
from tests.lineages import statement
from tests.oracles.as_written import as_written
from tests.oracles.statistics import statistic_of
from tests.strategies import Checkpoints, SpecText, checkpoints, defined, specs

BACKENDS = ["reference", "native", *(["torch"] if find_spec("torch") else [])]
LONG = 2 * 2**16 + 9001
_STATISTICS = (
    "norm(result)",
    "cosine(result, base)",
    "sparsity(result)",
    "sign_conflict(result, base, result)",
)


@settings(max_examples=8)
@given(data=st.data())
def test_files_are_merged_as_tensors_in_memory_are(data: st.DataObject) -> None:
    """And several exports of one run, with contracts or without, as each in a run of its own."""
    spec = data.draw(specs("any"))
    held = data.draw(checkpoints(spec, exact=False))
    with folder_of(held) as root:
        for backend in BACKENDS:
            with defined():
                wanted = evaluate_bundle(spec.bundle, held, get_backend(backend))
            for name, text in (("required", spec.text), ("free", spec.uncontracted)):
                plan = planned(spec, text, root)
                assert exports(plan, root / f"{name}-{backend}", backend) == wanted, text


@settings(max_examples=8)
@given(data=st.data())
def test_an_export_by_itself_is_what_it_is_among_others(data: st.DataObject) -> None:
    spec = data.draw(specs("any").filter(lambda spec: "more-" in spec.text))
    with folder_of(data.draw(checkpoints(spec, exact=False))) as root:
        plan = planned(spec, spec.text, root)
        with defined():
            exports(plan, root / "together", "reference")
        for export in plan.exports:
            single = planned(spec, spec.alone(export.decl.name), root)
            run(single, root / f"alone-{export.folder}", "reference")
            for layout in export.layouts:
                paths = (root / "together" / export.folder, root / f"alone-{export.folder}")
                first, second = ((path / layout.name).read_bytes() for path in paths)
                assert first == second, (spec.text, export.folder)


@settings(max_examples=20)
@given(data=st.data())
def test_names_and_free_order_do_not_change_the_plan(data: st.DataObject) -> None:
    spec = data.draw(specs("any"))
    with folder_of(data.draw(checkpoints(spec, exact=False))) as root:
        # A contract is in the plan as it is written.
        plain, renamed = spec.uncontracted, spec.renamed_uncontracted
        assert plan_hash(planned(spec, renamed, root)) == plan_hash(planned(spec, plain, root))
        plan = plan_hash(planned(spec, spec.text, root))
        assert plan_hash(planned(spec, spec.permuted, root)) == plan, spec.permuted


@settings(max_examples=12)
@given(data=st.data())
def test_statistics_are_those_of_the_rationals(data: st.DataObject) -> None:
    spec = data.draw(specs("smooth"))
    held = data.draw(checkpoints(spec, exact=True))
    asked = " and ".join(f"{statistic} > -2" for statistic in _STATISTICS)
    text = f'{spec.uncontracted}require {asked}, "it always holds"\n'
    checked = check_bundle(spec.given(text))
    oracle = as_written(checked.graph, held)
    with folder_of(held) as root:
        plan = planned(spec, text, root)
        with defined():
            run(plan, root / "out", "reference")
        measures = statement(root / "out" / plan.exports[0].folder).run["measures"]
    assert [each["kind"] for each in measures] == [s.split("(")[0] for s in _STATISTICS]
    for each in measures:
        wanted, allowed = statistic_of(oracle, each["kind"], each["operands"])
        assert abs(each["value"] - wanted) <= allowed, (spec.text, each, wanted)


@pytest.mark.parametrize("backend", [*BACKENDS, pytest.param("jax", marks=pytest.mark.slow)])
def test_blocks_and_threads_leave_no_trace(backend: str, tmp_path: Path) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
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
    plan = compile_text(SourceText("child.merge", text), tmp_path).plan
    run(plan, tmp_path / "plain", "reference")
    plain = dict(tensors_in(tmp_path / "plain"))
    for threads, block in ((1, 2**16), (3, 2**17), (2, 2**18)):
        target = tmp_path / f"{threads}-{block}"
        run(plan, target, backend, threads=threads, block=block)
        assert dict(tensors_in(target)) == plain


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


def planned(spec: SpecText, text: str, root: Path) -> Plan:
    """The plan of a text that is given what `spec` is given."""
    return compile_bundle(spec.given(text, root)).plan


def exports(plan: Plan, target: Path, backend: str) -> dict[str, Mapping[str, StoredTensor]]:
    """Run a plan and read back what it wrote, by the names of its exports."""
    run(plan, target, backend)
    return {each.decl.name: dict(tensors_in(target / each.folder)) for each in plan.exports}


def run(plan: Plan, target: Path, backend: str, *, threads: int = 1, block: int = 2**16) -> None:
    """Run a plan without a limit to its memory."""
    budget = Budget(block, threads, 2**20, 2**30, 2**30)
    origin = Origin("child.merge", "", backend, "cpu")
    run_plan(plan, target, get_backend(backend), budget, origin)


def tensors_in(folder: Path) -> Iterator[tuple[str, StoredTensor]]:
    """The tensors of a checkpoint, or of a delta, that a run wrote."""
    for entry in open_checkpoint(folder)[0].tensors.values():
        data = (folder / entry.file).read_bytes()[entry.start : entry.start + entry.nbytes]
        yield entry.name, StoredTensor(entry.dtype, entry.shape, data)
