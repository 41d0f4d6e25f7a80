"""Points, vectors and their mass: what may stand where."""

import pytest

from mergec.diagnostics import MergecError
from tests.elaborate.checked_specs import (
    Finding,
    check,
    exported,
    meaning,
    mistakes,
    nodes,
    warnings,
)

WRONG: list[tuple[str, list[Finding]]] = [
    # neither a model nor a delta
    ("child = code + math", [("E301", "code + math")]),
    ("child = 2 * code", [("E301", "2 * code")]),
    ("child = linear(base, 0.7*code)", [("E301", "0.7*code")]),
    (
        "child = linear(code, math; normalize=false)",
        [("E301", "linear(code, math; normalize=false)")],
    ),
    (
        "child = linear(code + math, math + base)",
        [("E301", "code + math"), ("E301", "math + base")],
    ),
    ("x = code + math\nexport x", [("E301", "code + math")]),
    # models and deltas
    ("child = base + dare(code; density=0.5)", [("E302", "code")]),
    ("child = base + (code |> trim(density=0.5))", [("E302", "code")]),
    ("child = base + scale(2; by=2)", [("E302", "2")]),
    ('child = linear(base, "./code")', [("E302", '"./code"')]),
    ("child = slerp(code, math - base; t=0.5)", [("E306", "math - base")]),
    ("child = linear(code - base, math)", [("E306", "math")]),
    ("child = ties(code - base, math)", [("E306", "math")]),
    # bases
    ("child = ties(base, code, math - code)", [("E304", "math - code")]),
    (
        "child = ties(base, 0.5*(code - base) + 0.5*(math - code))",
        [("E304", "0.5*(code - base) + 0.5*(math - code)")],
    ),
    ("child = base + ties(code - base, math - code)", [("E304", "math - code")]),
    ("child = code |> ties(base, math)", [("E303", "code")]),
    ("child = linear(code, math) |> ties(base)", [("E303", "linear(code, math)")]),
    # arithmetic
    ("child = code * math", [("E305", "code * math")]),
    ("child = code / math", [("E305", "code / math")]),
    ("child = 1 / code", [("E305", "1 / code")]),
    ("child = code + 1", [("E305", "code + 1")]),
    ('child = code + "x"', [("E305", 'code + "x"')]),
    ('child = linear(code, -"x")', [("E305", '-"x"')]),
    ("x = [code]", [("E305", "[code]")]),
    ("x = [nothing]", [("E201", "nothing")]),
    ("child = code / 0", [("E307", "0")]),
    ("child = code / (1 - 1)", [("E307", "1 - 1")]),
    ("x = 1 / 0\nchild = x * code", [("E307", "0")]),
    ("child = code / false", [("E305", "code / false")]),
    # exports
    ("x = code - base", [("E308", "code - base")]),
    ("x = code - base\nexport x", [("E308", "x")]),
    ("x = linear(code, base)\nexport delta x", [("E308", "x")]),
    ("export 0.3", [("E305", "0.3")]),
    ("x = linear(base, code)\ny = linear(base, math)", [("E213", "y")]),
    ("x = 1", [("E213", "x")]),
    ("x = code - base\ny = math - base", [("E213", "y")]),
    ('export code as "a/b"', [("E214", '"a/b"')]),
    ('export code as ".."', [("E214", '".."')]),
    ("export code { dtyp = bf16, shard = 5 }", [("E210", "dtyp"), ("E206", "5")]),
    ("export code { dtype = bf16, dtype = f32 }", [("E207", "dtype = f32")]),
    ('export cod as "/" { dtype = f8 }', [("E201", "cod"), ("E214", '"/"'), ("E206", "f8")]),
    ('export code\nexport math as "code"', [("E214", '"code"')]),
]


@pytest.mark.parametrize(("text", "found"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(text: str, found: list[Finding]) -> None:
    assert mistakes(text) == found


MODELS = [
    "0.5*code + 0.5*math",
    "code + math - base",
    "2*code - math",
    "(code + math) / 2",
    "base + 0.7*(code - base)",
    "base - 0.7*(code - base)",
    "-(base - 2*code)",
    "ties(base, code, math)",
    "ties(base, code, math - base)",
    "ties(base, code, (math - base) |> dare(density=0.1))",
    "base + ties(code - base, math - base)",
    "ties(base, (code - base) / 2 + (math - base))",
    "ties(base, linear(code - base, math - base))",
    "((code - base) |> trim(density=0.5) |> linear(math - base) |> ties(math - base)) + base",
    "slerp(ties(base, code), math, t=0.5)",
    "ties(base, code) |> slerp(math, t=0.5)",
    "linear(code - base, math - base) + base",
    "linear(code, math; weights=[0.3, 0.7], normalize=false)",
    "base + 1 / 3 * (code - base)",
]


@pytest.mark.parametrize("expression", MODELS)
def test_a_model_may_be_written_in_many_ways(expression: str) -> None:
    found = check(f"child = {expression}")
    assert found.graph.node(found.exports[0].node).type.mass == 1
    assert {each.code for each in found.warnings} <= {"W201"}


SAME = [
    ("0.1*code + 0.9*math", "linear(code, math; weights=[1, 9])"),
    ("(code + math) / 2", "linear(math, code)"),
    ("base + (code - base)", "code"),
    ("base + 0.25*(code - base)", "0.75*base + 0.25*code"),
    ("base + scale(code - base; by=0.25)", "base + 0.25*(code - base)"),
    ("ties(base, code, math)", "ties(base, code - base, math - base)"),
    ("base + ties(code - base, math - base)", "ties(base, code, math)"),
    ("slerp(code, math; t=0)", "code"),
    ("1e-3*code + 0.999*math", "0.001*code + 999/1000*math"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_expressions_that_mean_the_same(left: str, right: str) -> None:
    assert meaning("x = 0", f"export {left}") == meaning("y = 1", f"export {right}")


def test_the_order_of_operands_is_canonical_where_it_does_not_matter() -> None:
    one = check("child = ties(base, math, code; density=[0.3, 0.4], weights=[1, 2])")
    two = check("child = ties(base, code, math; density=[0.4, 0.3], weights=[2, 1])")
    assert one.graph.outputs == two.graph.outputs
    assert meaning("export linear(math, code)") == meaning("export linear(code, math)")
    assert meaning("export slerp(math, code; t=0.5)") != meaning("export slerp(code, math; t=0.5)")


@pytest.mark.parametrize(
    ("expression", "delta"),
    [
        ("code + (math - base)", "math - base"),
        ("(math - base) + code", "math - base"),
        ("code - (math - base)", "math - base"),
        ("code + 0.3*(math - base)", "0.3*(math - base)"),
    ],
)
def test_a_delta_added_to_another_model_is_a_warning(expression: str, delta: str) -> None:
    assert warnings(f"child = {expression}") == [("W301", delta)]


def test_a_model_keeps_the_bases_that_it_was_built_from() -> None:
    assert warnings("child = base + (code - base) + (math - base)") == []
    assert warnings("tuned = ties(base, code)", "child = tuned + (math - base)") == []
    assert warnings("child = ties(base, code) + 0.5*(math - base)") == []


def test_sums_name_both_ways_to_mend_them() -> None:
    with pytest.raises(MergecError) as caught:
        check("child = code + math")
    (found,) = caught.value.diagnostics
    assert (found.message, found.label) == ("these weights sum to 2, not 1", "mass 2")
    assert found.help == (
        "for an average, write `linear(code, math)`",
        "to add both skills to a base, write `base + (code - base) + (math - base)`",
    )


@pytest.mark.parametrize(
    "expression", ["0.7*code + 0.2*math", "0.5*code", "3*code + (math - base)", "code + math"]
)
def test_the_division_that_is_proposed_works(expression: str) -> None:
    with pytest.raises(MergecError) as caught:
        check(f"child = linear(base, ({expression}))")
    (found,) = caught.value.diagnostics
    assert found.code == "E301"
    assert found.help is not None
    proposed = found.help[0].split("`")[1]
    assert check(f"child = linear(base, {proposed})").warnings is not None


def test_numbers_are_exact_and_bounded() -> None:
    (node,) = nodes(check("child = 1/3*code + 2/3*math"), "affine")[-1:]
    assert node.type.mass == 1
    huge = "1e300*" * 5
    assert mistakes(f"child = linear(code, {huge}math)")[0][0] == "E104"
    assert mistakes(f"x = {huge}1", "child = linear(code, x*math)")[0][0] == "E104"
    nested = "1e300*(" * 5 + "code - base" + ")" * 5
    with pytest.raises(MergecError) as caught:
        meaning(f"child = base + {nested}")
    assert [found.code for found in caught.value.diagnostics] == ["E104"]


def test_exports_carry_what_was_written() -> None:
    implicit = exported("## The best of both.", "child = linear(code, math)")
    assert (implicit.name, implicit.implicit, implicit.delta) == ("child", True, False)
    assert (implicit.dtype, implicit.shard_bytes, implicit.donor) == (None, 5 * 10**9, "./code")
    assert implicit.docs == ("The best of both.",)
    explicit = exported('export delta code - base as "task" { dtype = f32, shard = 1MiB }')
    assert (explicit.name, explicit.implicit, explicit.delta) == ("task", False, True)
    assert (explicit.dtype, explicit.shard_bytes, explicit.donor) == ("F32", 2**20, "./code")
    assert exported("child = linear(code, math)", "export child").name == "child"
    assert exported("export linear(code, math)").name == "child"
    assert exported("child = ties(base, math, code)").donor == "./base"
    tokenizer = exported("export linear(code, math) { tokenizer = math }").tokenizer
    assert tokenizer is not None
    assert (tokenizer.labels, tokenizer.path, tokenizer.multiple) == (("./math",), None, 1)


def test_several_exports_stand_in_the_order_of_the_spec() -> None:
    lines = "x = linear(code, math)", "export x", 'export delta code - base as "skill"'
    first, second = check(*lines).exports
    assert [(e.name, e.delta, e.implicit) for e in (first, second)] == [
        ("x", False, False),
        ("skill", True, False),
    ]


IMPLICIT: list[tuple[list[str], str]] = [
    (["child = linear(code, math)", 'require norm(child - base) < 9, "small"'], "child"),
    (["child = linear(code, math)", 'require finite(child), "sound"', "x = code - base"], "child"),
    (["half = linear(code, base)", "child = slerp(half, math; t=0.5)"], "child"),
    (["def f(x) = linear(x, code)", "child = f(math)"], "child"),
]


@pytest.mark.parametrize(("lines", "name"), IMPLICIT)
def test_the_one_model_that_no_other_binding_uses_is_exported(lines: list[str], name: str) -> None:
    found = exported(*lines)
    assert (found.name, found.implicit) == (name, True)
