"""The example on every operator's page is computed, through the whole of mergec.

An example reads `NAME([x, y], [z, w]; settings) is [r, s]`, one vector or matrix an operand: a base
and models as they are, a delta relative to zero. A list of sources is written as their tensors.
"""

import re
import struct
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest

from mergec.backends import get_backend, installed_backends
from mergec.catalog import Dtype
from mergec.diagnostics import SourceText
from mergec.execute import Origin, run_plan
from mergec.ops import OPERATORS, MassRule
from mergec.plan import compile_text, fit_budget
from mergec.verify.law_tensors import Floats
from tests.catalog.safetensors_bytes import file_of

_EXAMPLE = re.compile(r"(\w+)\((\[[^;]*\])((?:;[^)]*)?)\) is (\[.*\])")


def arrays(text: str) -> list[Floats]:
    """The bracketed lists of a text, each as an array."""
    return [np.array(each, np.float64) for each in literal_eval(f"[{text}]")]


def write_array(folder: Path, values: Floats) -> None:
    folder.mkdir()
    data = file_of({"w": (Dtype.F64, [*values.shape], values.tobytes())})
    (folder / "model.safetensors").write_bytes(data)


def statistics(name: str, settings: str) -> tuple[str, list[Floats]]:
    """The settings with sources in place of the statistics that are written out, and these."""
    taken = next((p.name for p in OPERATORS[name].parameters if p.kind == "sources"), None)
    if taken is None:
        return settings, []
    start = settings.index(f"{taken}=[") + len(taken) + 1
    depth = end = 0
    for end, character in enumerate(settings[start:], start + 1):  # noqa: B007
        depth += {"[": 1, "]": -1}.get(character, 0)
        if not depth:
            break
    found = arrays(settings[start + 1 : end - 1])
    sources = ", ".join(f'model("./s{i}")' for i in range(len(found)))
    return f"{settings[:start]}[{sources}]{settings[end:]}", found


def spec(name: str, count: int, settings: str) -> str:
    """The example as a spec; operands that must be deltas are taken against zero."""
    lines = [f'x{i} = model("./x{i}")' for i in range(count)]
    operands = [f"x{i}" for i in range(count)]
    if OPERATORS[name].mass is not MassRule.DELTA:
        return "\n".join([*lines, f"child = {name}({', '.join(operands)}{settings})\n"])
    lines.append('zero = model("./zero")')
    # What `svd` makes is written as an adapter where it is exported by itself.
    return "\n".join([*lines, f"export delta (zero + {name}(x0 - zero{settings})) - zero\n"])


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("name", OPERATORS)
def test_an_example_comes_out_as_its_page_says(name: str, backend: str, tmp_path: Path) -> None:
    found = _EXAMPLE.search(OPERATORS[name].page)
    assert found is not None
    assert found[1] == name
    operands = arrays(found[2])
    settings, weighing = statistics(name, found[3])
    for i, values in enumerate(operands):
        write_array(tmp_path / f"x{i}", values)
    for i, values in enumerate(weighing):
        write_array(tmp_path / f"s{i}", values)
    write_array(tmp_path / "zero", np.zeros_like(operands[0]))
    text = spec(name, len(operands), settings)
    plan = compile_text(SourceText("example.merge", text), tmp_path).plan
    budget = fit_budget(plan, 1 << 30, 1, backend)
    origin = Origin("example.merge", text, backend, "cpu")
    run_plan(plan, tmp_path / "out", get_backend(backend), budget, origin)

    layout = plan.exports[0].layouts[0]
    raw = (tmp_path / "out" / layout.name).read_bytes()[layout.tensors[0].start :]
    result = struct.unpack(f"<{len(raw) // 8}d", raw)
    expected = np.array(literal_eval(found[4]), np.float64).ravel().tolist()
    assert result == pytest.approx(expected, abs=5e-5, rel=0)
