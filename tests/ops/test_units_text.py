"""The text that says which axes carry which units: what it means, and what it may not be."""

import pytest

from mergec.catalog.family import families
from mergec.ops.units import UnitsError, carried_by, parse_units

LAYER = "layers.#.fc1.weight[0], layers.#.fc2.weight[1]"


def keys(text: str, tensor: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """The groups that a tensor carries."""
    return [carried.key for carried in carried_by(parse_units(text), tensor)]


def test_groups_axes_and_what_may_be_missing() -> None:
    ((weight, bias), (heads, fused)) = parse_units("a.w[0], a.b [ 0 ] ?;\n o[1 / 8], qkv[0/3x8];")
    assert (weight.axis, weight.parts, weight.units, weight.optional) == (0, 1, None, False)
    assert (bias.name, bias.optional) == (("a", "b"), True)
    assert (heads.axis, heads.parts, heads.units) == (1, 1, 8)
    assert (fused.parts, fused.units) == (3, 8)


def test_parts_without_a_number_of_units_have_one_at_each_index() -> None:
    (((fused,),)) = parse_units("gate_up.weight[0 / 2x]")
    assert (fused.parts, fused.units) == (2, None)


@pytest.mark.parametrize(
    "tensor", ["fc1.weight", "model.fc1.weight", "a.b.fc1.weight"], ids=["bare", "one", "two"]
)
def test_a_name_holds_from_any_dot_on(tensor: str) -> None:
    assert keys("fc1.weight[0]", tensor) == [(0, "", ())]


@pytest.mark.parametrize("tensor", ["myfc1.weight", "fc1.weight.x", "fc1", "FC1.weight"])
def test_other_names_are_others(tensor: str) -> None:
    assert keys("fc1.weight[0]", tensor) == []


def test_each_number_and_each_beginning_has_a_group_of_its_own() -> None:
    assert keys(LAYER, "text.layers.3.fc1.weight") == [(0, "text", ("3",))]
    assert keys(LAYER, "text.layers.3.fc2.weight") == [(0, "text", ("3",))]
    assert keys(LAYER, "text.layers.4.fc1.weight") == [(0, "text", ("4",))]
    assert keys(LAYER, "vision.layers.3.fc1.weight") == [(0, "vision", ("3",))]


def test_a_star_tells_nothing_apart() -> None:
    stream = "embed.weight[1], layers.*.up_*.weight[1], norm.weight[0]"
    found = [keys(stream, f"model.{name}.weight") for name in ("embed", "layers.7.up_proj", "norm")]
    assert found == [[(0, "", ())]] * 3
    assert keys(stream, "layers.7.mlp.up_proj.weight") == []  # a star stays between dots


def test_a_tensor_may_carry_several_groups() -> None:
    text = "0.weight[0], 2.weight[1]; 2.weight[0], 4.weight[1]"
    assert keys(text, "net.2.weight") == [(0, "", ()), (1, "", ())]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it names no axis"),
        (" ; ", "it names no axis"),
        ("fc1.weight", "`fc1.weight` is no axis of a tensor"),
        ("a[0],, b[1]", "an axis is missing"),
        ("a[0 /]", "`a[0 /]` is no axis of a tensor"),
        ("a[-1]", "`a[-1]` is no axis of a tensor"),
        ("a[0] b[1]", "`a[0] b[1]` is no axis of a tensor"),
        ("a[0 / 0]", "`a[0 / 0]` has no unit"),
        ("a[0 / 0x2]", "`a[0 / 0x2]` has no unit"),
        ("l.#.a[0], b[1]", "the names in `l.#.a[0], b[1]` have different numbers of `#`"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(UnitsError) as caught:
        parse_units(text)
    assert str(caught.value) == said


@pytest.mark.parametrize("name", sorted(families()))
def test_every_description_can_be_read(name: str) -> None:
    for axes, keys_of_config in families()[name].units:
        (group,) = parse_units(", ".join(axes))
        assert len(group) == len(axes)
        assert all(axis.units is None for axis in group)  # the config says how many
        assert all(axis.numbers > 0 for axis in group)
        assert bool(keys_of_config) or all(axis.parts < 3 for axis in group)
