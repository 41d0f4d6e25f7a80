"""What `lines` multiplies each tensor by: its place among the layers of the value it scales."""

from fractions import Fraction
from pathlib import Path

import pytest

from mergec.diagnostics import SourceText
from mergec.elaborate.print_spec import print_spec
from mergec.plan import Row, check_text
from tests.resolve.layered import INSIDE, LAYERS, OUTSIDE, rows, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, ["a", "b"])
    return tmp_path


def factors(root: Path, delta: str) -> dict[str, Fraction]:
    """The factor of `a` in each tensor of an exported delta of `a` and `b`."""
    return {name: factor(row) for name, row in rows(root, f'export delta {delta} as "d"').items()}


def factor(row: Row) -> Fraction:
    (call,) = [call for call in row.program.calls if call.stage == "affine"]
    coefficients = dict(call.params)["coefficients"]
    assert isinstance(coefficients, tuple)
    found = coefficients[call.operands.index(row.labels.index("a"))]
    assert isinstance(found, Fraction)
    return found


def test_the_factor_rises_over_the_layers_and_is_alpha_elsewhere(root: Path) -> None:
    found = factors(root, "lines(a - b; alpha=1/4, beta=3/4)")
    for layer in range(LAYERS):
        wanted = Fraction(1, 4) + Fraction(3, 4) * Fraction(layer, LAYERS - 1)
        assert {found[f"model.layers.{layer}.{tail}"] for tail in INSIDE} == {wanted}
    assert {found[name] for name in OUTSIDE} == {Fraction(1, 4)}


def test_four_layers_have_the_published_factors(root: Path) -> None:
    found = factors(root, "lines((a - b)[0..4]; alpha=1/4, beta=3/4)")
    values = [found[f"model.layers.{layer}.{INSIDE[0]}"] for layer in range(4)]
    assert values == [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)]


def test_one_layer_is_the_first(root: Path) -> None:
    found = factors(root, "lines((a - b)[2..3]; alpha=1/4, beta=3/4)")
    assert set(found.values()) == {Fraction(1, 4)}


def test_its_numbers_may_differ_from_tensor_to_tensor_themselves(root: Path) -> None:
    found = factors(root, "lines(a - b; alpha=match { layers(0..1) => 1/2, else => 1 }, beta=1)")
    assert found[f"model.layers.0.{INSIDE[0]}"] == Fraction(1, 2)
    assert found[f"model.layers.{LAYERS - 1}.{INSIDE[0]}"] == 2
    assert {found[name] for name in OUTSIDE} == {1}


def test_what_is_derived_is_not_printed() -> None:
    head = 'a = model("./a")\nb = model("./b")\n'
    checked = check_text(
        SourceText("x.merge", f"{head}child = b + lines(a - b; alpha=1, beta=2)\n")
    )
    assert "lines(a - b, alpha=1, beta=2)" in print_spec(checked)
