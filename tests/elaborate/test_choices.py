"""What differs from tensor to tensor: ramps, matches, slices, stacks and views, before binding."""

import pytest

from mergec.ir import MODEL
from tests.elaborate.checked_specs import Finding, check, mistakes, nodes, written

MODELS = [
    # sums that are 1 for every tensor, whatever the tensors are
    "ramp(0, 1)*code + (1 - ramp(0, 1))*math",
    "ramp(0, 1)*code + ramp(0, 1)*math + (1 - 2*ramp(0, 1))*base",
    "(ramp(0, 1)*code + math) - ramp(0, 1)*math - math + (1 - ramp(0, 1))*math + ramp(0, 1)*base"
    " + ramp(0, 1)*math - ramp(0, 1)*base",
    "base + ramp(0, 1)*(code - base)",
    "base + match { attn => 0.3, else => 0.5 }*(code - base)",
    "match { attn => 0.3, else => 0.5 }*code + (1 - match { attn => 0.3, else => 0.5 })*math",
    "ramp(0, 1)*match { attn => 2, else => 1 }*(code - base) + base",
    "ramp(1, 1)*code",
    "match { attn => 1, else => 1 }*code",
    # that are 1 for each tensor by itself, which the tensors must prove
    "match { attn => 0.3, else => 0.5 }*code + match { attn => 0.7, else => 0.5 }*math",
    # layers and names
    "code[0..2]",
    "code[..2] ++ math[2..]",
    "stack(code, math; untie=true)",
    "0.5*code[1..] + 0.5*math[1..]",
    "base[0..2] + (code - base)[0..2]",
    "ties(base[..2], (code - base)[..2])",
    'rename(code, "a.*" => "b.*")',
    'code |> rename("a.*" => "b.*", "c" => "d") |> select(!vision)',
    "match { attn => code, mlp => math, else => base }",
    "base + match { attn => code - base, else => 0*(math - base) }",
    "ties(base, match { attn => code - base, else => math - base })",
    'as_model(code + math; why="an odd recipe")',
]


@pytest.mark.parametrize("expression", MODELS)
def test_a_model_may_differ_from_tensor_to_tensor(expression: str) -> None:
    (export,) = check(f"child = {expression}").exports
    assert check(f"child = {expression}").graph.node(export.node).type == MODEL


def test_only_what_tensors_must_prove_is_marked_for_it() -> None:
    plain = check("child = ramp(0, 1)*code + (1 - ramp(0, 1))*math")
    assert nodes(plain, "checked") == []
    open_sum = check("child = ramp(0, 1)*code + ramp(1, 0)*math")
    assert [node.type for node in nodes(open_sum, "checked")] == [MODEL]


WRONG: list[tuple[str, list[Finding]]] = [
    ("child = ramp(0, 1)*code + ramp(0, 1)*math", [("E301", "ramp(0, 1)*code + ramp(0, 1)*math")]),
    ("child = code * ramp(0.5)", [("E209", "ramp(0.5)")]),
    ("child = ramp(0, code)*math", [("E206", "code")]),
    ("child = ramp(0, ramp(0, 1))*math", [("E206", "ramp(0, 1)")]),
    ("child = slerp(code, math; t=ramp(0, 1, k=2))", [("E204", "k")]),
    ("child = slerp(code, math; t=ramp(0, 2))", []),
    ("child = ties(base, code; density=ramp(0, 1))", [("E203", "ramp(0, 1)")]),
    (
        "child = ties(base, code; density=match { attn => ramp(0.1, 2), else => 1 })",
        [("E203", "match { attn => ramp(0.1, 2), else => 1 }")],
    ),
    ("child = ties(base, code; density=match { atn => 1, else => 1 })", [("E218", "atn")]),
    ("child = ties(base, code; density=match { layers(2..2) => 1 })", [("E217", "2..2")]),
    ("child = ties(base, code; density=match { layers(2..1) => 1 })", [("E217", "2..1")]),
    ("child = match { attn => code, else => 0.5 }", [("E305", "0.5")]),
    ("child = match { attn => code, else => math - base }", [("E306", "math - base")]),
    ("child = match { attn => code, else => code + math }", [("E301", "code + math")]),
    (
        'child = ties(base, code; elect=match { attn => "mass" })',
        [("E206", 'match { attn => "mass" }')],
    ),
    ("child = code[2..1]", [("E217", "2..1")]),
    ("child = code[0..1.5]", [("E217", "1.5")]),
    ("child = code[0..math]", [("E217", "math")]),
    ("child = (code + math)[0..1]", [("E301", "code + math")]),
    ("x = 1\nchild = linear(code, x[0..1])", [("E305", "x")]),
    ("child = code ++ (math - base)", [("E306", "math - base")]),
    ("child = code ++ 1", [("E305", "1")]),
    ("child = stack()", [("E209", "stack()")]),
    ("child = stack(code, math; untie=1)", [("E206", "1")]),
    ("child = stack(code, math; tie=true)", [("E204", "tie")]),
    ("child = select(1, attn)", [("E305", "1")]),
    ("child = select(code, nothing)", [("E218", "nothing")]),
    ("child = select(code + math, attn)", [("E301", "code + math")]),
    ('child = rename(code, "*.*" => "*")', [("E410", '"*.*"')]),
    ('child = rename(code, "a.*" => "b")', [("E410", '"a.*" => "b"')]),
    ('child = rename(code, "" => "b")', [("E410", '""')]),
    ('child = rename(1, "a" => "b")', [("E305", "1")]),
    ("child = as_model(code + math)", [("E205", "as_model")]),
    ('child = as_model(code + math; why="")', [("E205", '""')]),
    ('child = as_model(code, math; why="x")', [("E209", 'as_model(code, math; why="x")')]),
    ('child = as_model(1; why="x")', [("E305", "1")]),
    ("child = slerp(code, math; t=norm(code))", [("E310", "norm")]),
    ("child = slerp(code, math; t=1 < 2)", [("E309", "1 < 2")]),
    ("child = slerp(code, math; t=not true)", [("E309", "not true")]),
]


@pytest.mark.parametrize(("text", "places"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(text: str, places: list[Finding]) -> None:
    if places:
        assert mistakes(text) == places
    else:
        check(text)  # known only when the layers are


def test_what_is_the_same_everywhere_is_no_schedule() -> None:
    for same in ("ramp(0.5, 0.5)", "match { attn => 0.5, else => 0.5 }", "ramp(0, 1)*0 + 0.5"):
        assert written(f"export slerp(code, math; t={same})") == written(
            "export slerp(code, math; t=0.5)"
        )


def test_ramps_are_exact() -> None:
    (node,) = nodes(check("export slerp(code, math; t=0.1*ramp(1/3, 1) + 0.2)"), "slerp")
    assert str(node.param("t")) == "1/5 + 1/10*ramp(1/3, 1)"
    (same,) = nodes(check("export slerp(code, math; t=(ramp(1/3, 1) + 2)/10)"), "slerp")
    assert same.param("t") == node.param("t")


def test_the_order_of_operands_does_not_depend_on_their_schedules() -> None:
    one = written("export ties(base, code, math; weights=[ramp(0.1, 1), 0.5])")
    two = written("export ties(base, math, code; weights=[0.5, ramp(0.1, 1)])")
    assert one == two


def test_a_mask_of_a_slice_is_that_of_its_source() -> None:
    checked = check("child = base[0..2] + dare((code - base)[0..2]; density=0.5)")
    (node,) = nodes(checked, "dare")
    assert (node.param("role"), node.param("label")) == ("dare", "./code")
