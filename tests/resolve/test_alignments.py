"""Which axes are reordered together, found from headers; what is said of those that do not fit."""

import re
from collections.abc import Mapping

import pytest

from mergec.catalog import Dtype
from mergec.diagnostics import Diagnostic, MergecError
from mergec.plan import Row
from mergec.plan.template import template_of
from mergec.verify.evaluate import StoredTensor, bound_rows

Shapes = Mapping[str, tuple[int, ...]]

MLP: Shapes = {
    "fc0.weight": (6, 4), "fc0.bias": (6,), "fc1.weight": (8, 6), "fc1.bias": (8,),
    "fc2.weight": (3, 8),
}  # fmt: skip
LAYERS: Shapes = {
    f"layers.{i}.{name}": shape
    for i in range(3)
    for name, shape in {"up": (6, 4), "down": (4, 6), "q": (8, 4), "o": (4, 8)}.items()
}


def rows(units: str, shapes: Shapes) -> dict[str, Row]:
    count = "weight_match(b, a)" if not units else f'weight_match(b, a; units="{units}")'
    text = f'a = model("./a", id="a")\nb = model("./b", id="b")\nresult = {count}\n'
    tensors = {
        name: StoredTensor(Dtype.F32, shape, b"") for name, shape in shapes.items()
    }  # headers alone are looked at
    return {row.tensor: row for row in bound_rows(text, {"a": tensors, "b": tensors})}


def carried(units: str, shapes: Shapes) -> dict[str, tuple[int, list[tuple[int, ...]]]]:
    """The component of each tensor that is reordered, and (group, units, width) of its axes."""
    found: dict[str, tuple[int, list[tuple[int, ...]]]] = {}
    for name, row in rows(units, shapes).items():
        for call in row.program.calls:
            params = dict(call.params)
            axes = params["axes"]
            assert call.barrier is not None
            assert isinstance(axes, tuple)
            numbers = [tuple(int(str(n)) for n in axis) for axis in axes if isinstance(axis, tuple)]
            found[name] = (call.barrier[1], numbers)
    return found


def mistake(units: str, shapes: Shapes) -> Diagnostic:
    with pytest.raises(MergecError) as caught:
        rows(units, shapes)
    (found,) = caught.value.diagnostics
    return found


def test_groups_of_one_tensor_hang_together() -> None:
    units = "fc0.weight[0], fc0.bias[0], fc1.weight[1]; fc1.weight[0], fc1.bias[0], fc2.weight[1]"
    assert carried(units, MLP) == {
        "fc0.weight": (0, [(0, 6, 4)]),
        "fc0.bias": (0, [(0, 6, 1)]),
        "fc1.weight": (0, [(0, 6, 1), (1, 8, 6)]),
        "fc1.bias": (0, [(1, 8, 1)]),
        "fc2.weight": (0, [(1, 8, 1)]),
    }


def test_layers_are_components_of_one_kind_after_the_other() -> None:
    found = carried(
        "layers.#.q[0 / 4], layers.#.o[1 / 4]; layers.#.up[0], layers.#.down[1]", LAYERS
    )
    assert {name: part for name, (part, _) in found.items()} == {
        f"layers.{i}.{name}": i + 3 * (name in ("up", "down"))
        for i in range(3)
        for name in ("up", "down", "q", "o")
    }
    assert found["layers.2.q"][1] == [(0, 4, 8)]
    assert found["layers.2.o"][1] == [(0, 4, 2)]


def test_tensors_of_one_structure_share_a_program_but_for_numbers() -> None:
    found = rows("layers.#.up[0], layers.#.down[1]", LAYERS)
    keys = {template_of(row.program).key for row in found.values() if row.program.calls}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("code", "units", "message"),
    [
        ("E414", "fc9.weight[0]", "`fc9.weight[0]` fits no tensor"),
        (
            "E414",
            "fc0.weight[0], fc9.weight[1]",
            "`fc9.weight[1]` fits no tensor, where `fc0.weight` is",
        ),
        ("E414", "fc9.weight[0]?", "`fc9.weight[0]` fits no tensor"),
        ("E415", "fc0.bias[1]", "`fc0.bias[1]` names axis 1 of `fc0.bias`, which has 1"),
        (
            "E415",
            "fc0.weight[0 / 4]",
            "the 6 entries of `fc0.weight` along axis 0 are no multiple of 4",
        ),
        (
            "E415",
            "fc1.weight[0 / 3x]",
            "the 8 entries of `fc1.weight` along axis 0 are no multiple of 3",
        ),
        (
            "E415",
            "fc1.weight[1 / 2x4]",
            "the 6 entries of `fc1.weight` along axis 1 are no multiple of 2 × 4",
        ),
        (
            "E415",
            "fc0.weight[0], fc2.weight[1]",
            "`fc0.weight[0]` has 6 units and `fc2.weight[1]` has 8",
        ),
        ("E415", "fc0.weight[0]; fc0.weight[0]", "`fc0.weight[0]` is named twice"),
        ("E415", "fc1.*[0], fc1.weight[0]", "`fc1.weight[0]` is named twice"),
        ("E415", "sq.weight[0], sq.weight[1]", "one group has two axes of `sq.weight`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(code: str, units: str, message: str) -> None:
    found = mistake(units, {**MLP, "sq.weight": (5, 5)})
    assert (found.code, found.message) == (code, message)
    assert found.span is not None
    assert found.span.text == f'"{units}"'


def test_an_order_is_put_into_all_tensors_of_a_group() -> None:
    without = {name: shape for name, shape in LAYERS.items() if name != "layers.1.down"}
    found = mistake("layers.#.up[0], layers.#.down[1]", without)
    assert found.message == "`layers.#.down[1]` fits no tensor, where `layers.1.up` is"
    optional = carried("layers.#.up[0], layers.#.down[1]?", without)
    assert sorted(optional) == sorted(name for name in without if re.search("up|down", name))


def test_an_unknown_architecture_must_be_described() -> None:
    found = mistake("", MLP)
    assert found.code == "E414"
    assert found.message == "it is not known which units of this model may be reordered"


def test_the_help_says_how_many_units_there_are() -> None:
    found = mistake("layers.#.q[0 / 4], layers.#.o[1]", LAYERS)
    assert found.message == "`layers.0.q[0]` has 4 units and `layers.0.o[1]` has 8"
    assert found.help == (
        'name axes of one length, or say how many units there are, as in "layers.#.o[1 / 4]"',
    )


def test_integers_carry_nothing() -> None:
    text = 'a = model("./a", id="a")\nresult = weight_match(a, a; units="w[0], steps[0]?")\n'
    tensors = {
        "w": StoredTensor(Dtype.F32, (3, 2), b""),
        "steps": StoredTensor(Dtype.I64, (3,), b""),
    }
    found = {row.tensor: row.action for row in bound_rows(text, {"a": tensors})}
    assert found == {"w": "merge", "steps": "copy"}
