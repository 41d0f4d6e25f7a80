"""The example on every operator's page is computed, through the whole of mergec.

An example reads `NAME([x, y], [z, w]; settings) is [r, s]`, one vector an operand: a base and
models as they are, a delta relative to zero.
"""

import re
import struct
from pathlib import Path

import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.execute import Origin, run_plan
from mergec.ops import OPERATORS, MassRule
from mergec.plan import compile_text, fit_budget
from tests.catalog.safetensors_bytes import file_of

_EXAMPLE = re.compile(r"(\w+)\((\[.*?\])((?:;[^)]*)?)\) is \[(.*?)\]")


def vectors(text: str) -> list[list[float]]:
    """The operands: every bracketed list."""
    found = re.findall(r"\[(.*?)\]", text)
    return [[float(value) for value in each.split(",")] for each in found]


def write_vector(folder: Path, values: list[float]) -> None:
    folder.mkdir()
    raw = struct.pack(f"<{len(values)}d", *values)
    data = file_of({"w": (Dtype.F64, [len(values)], raw)})
    (folder / "model.safetensors").write_bytes(data)


def spec(name: str, count: int, settings: str) -> str:
    """The example as a spec; operands that must be deltas are taken against zero."""
    lines = [f'x{i} = model("./x{i}")' for i in range(count)]
    operands = [f"x{i}" for i in range(count)]
    if OPERATORS[name].mass is not MassRule.DELTA:
        return "\n".join([*lines, f"child = {name}({', '.join(operands)}{settings})\n"])
    lines.append('zero = model("./zero")')
    return "\n".join([*lines, f"export delta {name}(x0 - zero{settings})\n"])


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", OPERATORS)
def test_an_example_comes_out_as_its_page_says(name: str, backend: str, tmp_path: Path) -> None:
    found = _EXAMPLE.search(OPERATORS[name].page)
    assert found is not None
    assert found[1] == name
    operands = vectors(found[2])
    for i, values in enumerate(operands):
        write_vector(tmp_path / f"x{i}", values)
    write_vector(tmp_path / "zero", [0.0] * len(operands[0]))
    text = spec(name, len(operands), found[3])
    plan = compile_text(SourceText("example.merge", text), tmp_path).plan
    budget = fit_budget(plan, 1 << 30, 1, backend)
    origin = Origin("example.merge", text, "..", backend, "cpu")
    run_plan(plan, tmp_path / "out", get_backend(backend), budget, origin)

    layout = plan.exports[0].layouts[0]
    raw = (tmp_path / "out" / layout.name).read_bytes()[layout.tensors[0].start :]
    result = struct.unpack(f"<{len(raw) // 8}d", raw)
    expected = [float(value) for value in found[4].split(",")]
    assert result == pytest.approx(expected, abs=5e-5, rel=0)
