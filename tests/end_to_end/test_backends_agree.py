"""The same command with each backend: the same bytes, and a replay that verifies them."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mergec.backends import BACKENDS
from mergec.backends.native.engine import shared_engine
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.lineages import statement

_LIBRARY = {"reference": "numpy", "native": "llvmlite", "torch": "torch", "jax": "jax"}
_SPEC = (
    'base = model("./base")',
    'code = model("./code")',
    'math = model("./math")',
    "d = dare(code - base; density=0.7) + breadcrumbs(math - base; density=0.6)",
    "child = ties(base, code, math; density=0.3) |> slerp(base + d; t=0.25)",
)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if find_spec(_LIBRARY[request.param]) is None:
        pytest.skip(f"{_LIBRARY[request.param]} is not installed")
    return str(request.param)


def test_a_run_has_the_bytes_of_the_reference_and_verifies(mergec: Mergec, backend: str) -> None:
    write_spec(*_SPEC)
    for name in dict.fromkeys(("reference", backend)):
        outcome = mergec("run", "spec.merge", "-o", name, "--backend", name)
        assert outcome.status == 0, outcome.err
    weights = [Path(name, "model.safetensors").read_bytes() for name in ("reference", backend)]
    assert weights[0] == weights[1]
    assert statement(backend).run["backend"] == {"name": backend, "device": "cpu"}
    outcome = mergec("verify", backend, "--replay", "full")
    assert (outcome.status, outcome.codes) == (0, []), outcome.err


@pytest.mark.parametrize(
    ("name", "library"), [("native", "llvmlite.binding"), ("torch", "torch"), ("jax", "jax")]
)
def test_without_its_library_a_backend_is_refused(
    mergec: Mergec, name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_engine.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    outcome = mergec("run", "spec.merge", "-o", "out", "--backend", name)
    refused(outcome, "E603", 6)
    assert f'run `pip install "mergec[{name}]"`' in outcome.err
