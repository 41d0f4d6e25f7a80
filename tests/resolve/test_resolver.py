"""What each tensor comes to: tensors read, numbers, programs shared, and names that masks know."""

from fractions import Fraction
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError
from mergec.plan import Row
from tests.resolve.layered import INSIDE, LAYERS, OUTSIDE, compiled, read, rows, write

MLP = "model.layers.{}.mlp.up_proj.weight"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, ["a", "b", "c"])
    return tmp_path


def setting(row: Row, stage: str, name: str) -> Fraction:
    """A parameter of the one call of `stage` in a row's program."""
    (call,) = [call for call in row.program.calls if call.stage == stage]
    value = dict(call.params)[name]
    assert isinstance(value, Fraction)
    return value


def positions(root: Path, t: str) -> dict[str, Fraction]:
    """The position `t` that each tensor gets."""
    found = rows(root, f"export slerp(a, b; t={t}, extrapolate=true)")
    return {name: setting(row, "slerp", "t") for name, row in found.items() if row.program.calls}


def on_ramp(points: list[Fraction], layer: int, layers: int) -> Fraction:
    """The value of a ramp, written as its definition says it."""
    x = Fraction(layer, layers - 1) * (len(points) - 1)
    left = min(int(x), len(points) - 2)
    return points[left] * (left + 1 - x) + points[left + 1] * (x - left)


RAMPS = [[0.1, 0.9], [0.5, 0.25, 0.75], [0.2, 0.3, 0.1, 0.7, 0.6, 0.4, 0.9]]


@pytest.mark.parametrize("points", RAMPS)
def test_a_ramp_runs_over_the_layers_exactly(root: Path, points: list[float]) -> None:
    exact = [Fraction(str(point)) for point in points]
    found = positions(root, f"ramp({', '.join(map(str, points))})")
    for layer in range(LAYERS):
        wanted = on_ramp(exact, layer, LAYERS)
        assert {found[f"model.layers.{layer}.{tail}"] for tail in INSIDE} == {wanted}
    assert [found[name] for name in OUTSIDE] == [exact[0], exact[-1], exact[-1]]


def test_a_ramp_counts_the_layers_of_the_value_it_is_applied_to(root: Path) -> None:
    found = rows(root, "export slerp(a[1..4], b[1..4]; t=ramp(0.2, 0.8))")
    values = [setting(found[MLP.format(n)], "slerp", "t") for n in range(3)]
    assert values == [Fraction(1, 5), Fraction(1, 2), Fraction(4, 5)]
    inside = rows(root, "export slerp(a, b; t=ramp(0.2, 0.7))[1..4]")
    assert [setting(inside[MLP.format(n)], "slerp", "t") for n in range(3)] == [
        Fraction(3, 10),
        Fraction(4, 10),
        Fraction(5, 10),
    ]


def test_one_layer_has_the_first_value(root: Path) -> None:
    found = rows(root, "export slerp(a[2..3], b[2..3]; t=ramp(0.2, 0.8))")
    assert setting(found[MLP.format(0)], "slerp", "t") == Fraction(1, 5)


def test_numbers_are_chosen_by_the_first_arm_that_fits(root: Path) -> None:
    found = positions(
        root, 'match { layers(4..) & mlp => ramp(0, 0.9), mlp | "*q_proj*" => 0.3, else => 0.6 }'
    )
    assert found[MLP.format(5)] == Fraction(9, 10)
    assert found[MLP.format(4)] == Fraction(18, 25)
    assert found[MLP.format(3)] == Fraction(3, 10)
    assert found["model.layers.5.self_attn.q_proj.weight"] == Fraction(3, 10)
    assert found["model.norm.weight"] == Fraction(3, 5)


def test_models_are_chosen_by_the_first_arm_that_fits(root: Path) -> None:
    found = read(root, "export match { attn => b, layers(..2) => c, else => a }")
    assert found["model.layers.0.self_attn.q_proj.weight"] == [
        "b:model.layers.0.self_attn.q_proj.weight"
    ]
    assert found[MLP.format(1)] == [f"c:{MLP.format(1)}"]
    assert found[MLP.format(2)] == [f"a:{MLP.format(2)}"]
    assert found["lm_head.weight"] == ["a:lm_head.weight"]


def test_only_the_tensors_of_the_arms_that_are_taken_are_read(tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    write(tmp_path, ["b"], layers=2, without=OUTSIDE, config={"model_type": "llama"})
    found = read(tmp_path, "export match { layers(2..) | !layers(0..) => a, else => b }")
    assert found[MLP.format(1)] == [f"b:{MLP.format(1)}"]
    with pytest.raises(MergecError) as caught:
        compiled(tmp_path, "export match { layers(3..) | !layers(0..) => a, else => b }")
    assert [each.code for each in caught.value.diagnostics] == ["E401"]


def test_slices_and_stacks_read_the_layers_that_they_name(root: Path) -> None:
    found = read(root, "export a[0..2] ++ 0.5*b[2..4] + 0.5*c[3..5]".replace(
        "0.5*b[2..4] + 0.5*c[3..5]", "(0.5*b[2..4] + 0.5*c[3..5])"
    ))  # fmt: skip
    assert found[MLP.format(1)] == [f"a:{MLP.format(1)}"]
    assert found[MLP.format(2)] == [f"b:{MLP.format(2)}", f"c:{MLP.format(3)}"]
    assert found["model.norm.weight"] == ["b:model.norm.weight", "c:model.norm.weight"]
    assert found["model.embed_tokens.weight"] == ["a:model.embed_tokens.weight"]


def test_one_source_may_give_several_tensors_to_one(root: Path) -> None:
    found = read(root, "export 0.5*a[0..3] + 0.25*a[3..6] + 0.25*b[0..3]")
    assert sorted(found[MLP.format(1)]) == [
        f"a:{MLP.format(1)}",
        f"a:{MLP.format(4)}",
        f"b:{MLP.format(1)}",
    ]
    assert sorted(found["model.norm.weight"]) == ["a:model.norm.weight", "b:model.norm.weight"]
    twice = rows(root, "export 0.5*a[0..3] + 0.5*a[0..3]")
    assert twice[MLP.format(2)].action == "copy"


def test_layers_that_come_to_the_same_share_a_program(root: Path) -> None:
    plain = rows(root, "export ties(a, b, c)")
    assert len({row.program.key for row in plain.values()}) == 1
    ramped = rows(root, "export slerp(a, b; t=ramp(0.1, 0.9))")
    assert len({row.program.key for row in ramped.values()}) == LAYERS
    shifted = rows(root, "export 0.5*a[0..3] + 0.5*b[3..6]")
    inside = [row for name, row in shifted.items() if name not in OUTSIDE]
    assert len({row.program.key for row in inside}) == 1


def masks(root: Path, *lines: str) -> dict[str, list[str]]:
    """For each tensor with a mask, the names that masks are drawn for."""
    found: dict[str, list[str]] = {}
    for name, row in rows(root, *lines).items():
        named = {str(key): tensor for key, tensor in row.origins}
        drops = [dict(call.params) for call in row.program.calls if call.stage == "drop"]
        if drops:
            origins = [params.get("origin") for params in drops]
            found[name] = [named[str(o)] if o is not None else name for o in origins]
    return found


SPARSE = "dare(b - a; density=0.5)"


def test_a_mask_is_drawn_for_the_tensor_of_the_source(root: Path) -> None:
    whole = masks(root, f"export a + {SPARSE}")
    assert whole == {name: [name] for name in whole}
    sliced = masks(root, f"export (a + {SPARSE})[2..4]")
    other = masks(root, "export a[2..4] + dare((b - a)[2..4]; density=0.5)")
    third = masks(root, "export a[2..4] + dare(b[2..4] - a[2..4]; density=0.5)")
    assert sliced == other == third
    assert sliced[MLP.format(0)] == [MLP.format(2)]
    assert sliced["model.norm.weight"] == ["model.norm.weight"]


def test_a_mask_does_not_know_of_new_names(root: Path) -> None:
    renamed = masks(root, f'export rename(a + {SPARSE}, "model.*" => "tower.*")')
    assert renamed["tower.norm.weight"] == ["model.norm.weight"]
    assert renamed["lm_head.weight"] == ["lm_head.weight"]


def test_a_mask_of_a_stack_is_drawn_for_each_part(root: Path) -> None:
    found = masks(root, f"m = a + {SPARSE}", "export m[0..2] ++ m[1..3]")
    assert [found[MLP.format(n)] for n in range(4)] == [[MLP.format(n)] for n in (0, 1, 1, 2)]


def test_the_operand_written_first_names_the_tensors(root: Path) -> None:
    # Canonical order puts `a` first; the names and the layers are still those of `c`.
    found = read(root, "export linear(c[2..4], a[0..2])")
    assert set(found) == {
        *OUTSIDE,
        *(f"model.layers.{n}.{tail}" for n in range(2) for tail in INSIDE),
    }
    assert sorted(found[MLP.format(0)]) == [f"a:{MLP.format(0)}", f"c:{MLP.format(2)}"]
    renamed = read(root, 'export linear(rename(c, "lm_head.weight" => "head.weight"), '
                         'rename(a, "lm_head.weight" => "head.weight"))')  # fmt: skip
    assert sorted(renamed["head.weight"]) == ["a:lm_head.weight", "c:lm_head.weight"]


def test_prefixes_of_sources_are_found(tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    write(tmp_path, ["b"], prefix="language_model.")
    found = read(tmp_path, "export linear(a, b)")
    assert found["model.norm.weight"] == [
        "a:model.norm.weight",
        "b:language_model.model.norm.weight",
    ]
    ahead = read(tmp_path, 'export rename(b, "language_model.*" => "*")')
    assert ahead["model.norm.weight"] == ["b:language_model.model.norm.weight"]


WRONG: list[tuple[str, list[str]]] = [
    ("slerp(a, b; t=2*ramp(0, 1))", ["E203"]),
    ("ties(a, b; density=match { attn => 0.3 })", ["E409"]),
    ("match { attn => a, mlp => b }", ["E409"]),
    ("linear(a, b; weights=[1, ramp(1, -1)])", ["E211"]),
    ("slerp(a, b; t=0.1 / ramp(0, 1))", ["E307"]),
    ("match { attn => 0.3, else => 0.5 }*a + 0.5*b", ["E301"]),
    ("a + match { attn => 1, else => 0 }*b", ["E301"]),
]


@pytest.mark.parametrize(("expression", "codes"), WRONG)
def test_what_is_wrong_in_one_tensor_is_an_error(
    root: Path, expression: str, codes: list[str]
) -> None:
    with pytest.raises(MergecError) as caught:
        compiled(root, f"export {expression}")
    errors = [found for found in caught.value.diagnostics if found.severity == "error"]
    assert [found.code for found in errors] == codes
    assert all(found.span is not None for found in errors)


def test_arms_that_do_nothing_are_told(root: Path) -> None:
    arms = 'vision => 1, mlp => 0.5, "*up*" => 1, else => 1'
    found = compiled(root, f"export ties(a, b; density=match {{ {arms} }})").warnings
    unused = [each for each in found if each.code != "W201"]
    assert [(each.code, each.span and each.span.text) for each in unused] == [
        ("W202", "vision => 1"),
        ("W203", '"*up*" => 1'),
    ]


def test_an_else_that_is_not_needed_is_no_mistake(root: Path) -> None:
    arms = "attn | mlp | norm => 1, embed | head => 0.5, else => 0.2"
    found = compiled(root, f"export ties(a, b; density=match {{ {arms} }})").warnings
    assert {each.code for each in found} == {"W201"}
