"""What is said in two ways is one thing: laws of slices, stacks, views, choices and macros."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.plan import check_bundle
from mergec.verify.evaluate import StoredTensor, evaluate_bundle
from mergec.verify.law_tensors import long_arrays, stored
from tests.strategies import Checkpoints, SpecText, checkpoints, specs

REFERENCE = get_backend("reference")
DEPTH = 3

# Each says `result` again, for a spec whose values have `{n}` layers; `{k}` is one of them.
SAME = {
    "a whole slice": "result[0..{n}]",
    "an open slice": "result[0..]",
    "a cut that is healed": "result[0..{k}] ++ result[{k}..{n}]",
    "a stack of one": "stack(result)",
    "slices of a slice": "result[..{k}][0..{k}] ++ (result[{k}..])[0..]",
    "another name and back": 'rename(rename(result, "model.*" => "m.*"), "m.*" => "model.*")',
    "all tensors": 'select(result, "*")',
    "one arm": "match {{ else => result }}",
    "equal arms": "match {{ attn => result, layers(..{k}) => result, else => result }}",
    "what was taken apart": "match {{ mlp => result, else => select(result, !mlp) }}",
    "a mean of one": "linear(result; weights=ramp(1, 3))",
    "all of a sum": "ramp(0.5, 1)*result + (1 - ramp(0.5, 1))*result",
    "a macro": "same(result)",
    "a macro of many": "first(result)",
    "a parameter of 1": "one*result",
}
MACROS = """def same(x) = x
def first(x, *rest, k=1) = linear(k*x, *rest; weights=1)
param one: number = 1 from 0 to 2
"""


@pytest.mark.parametrize("law", SAME)
@settings(max_examples=8)
@given(data=st.data())
def test_what_is_said_otherwise_is_the_same(law: str, data: st.DataObject) -> None:
    spec = data.draw(specs("exact").filter(lambda spec: spec.layers["base"] > 1))
    held = data.draw(checkpoints(replace(spec, rigid=True), exact=True))
    layers = spec.layers["base"]
    k = data.draw(st.integers(1, layers - 1))
    said = SAME[law].format(n=layers, k=k)
    assert made(spec, held, said) == made(spec, held, "result"), (spec.text, said)


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("slerp(a, b; t=ramp(0.3, 0.3))", "slerp(a, b; t=0.3)"),
        ("slerp(a, b; t=match { else => 0.3 })", "slerp(a, b; t=0.3)"),
        ("slerp(a, b; t=match { attn => 0.3, else => 0.3 })", "slerp(a, b; t=0.3)"),
        ("moved(a)", "base + 1/2*(a - base)"),
        ("moved(a; k=1/4)", "base + 1/4*(a - base)"),
        (
            "thinned(base, a, b)",
            "ties(base, dare(a - base; density=0.5), dare(b - base; density=0.5))",
        ),
        ("both(a, b)", "linear(slerp(a, base; t=0.5), slerp(b, base; t=0.5))"),
        ("std.model_soup(a, b, base)", "linear(a, b, base)"),
        ("std.wise_ft(base, a; t=0.25)", "(1 - 0.25)*base + 0.25*a"),
        (
            "std.task_arithmetic(base, a, b)",
            "base + 1*linear(a - base, b - base; weights=1, normalize=false)",
        ),
        ("std.chat_vector(b, a, base)", "b + 1*(a - base)"),
        ("std.depth_upscale(a; until=2, again_from=1)", "a[..2] ++ a[1..]"),
        ("a |> slerp(b, t=0.5)", "slerp(a, b; t=0.5)"),
        ("stack(a[..1], b[1..])", "a[..1] ++ b[1..]"),
        ('a |> rename("lm_head.*" => "out.*")', 'rename(a, "lm_head.*" => "out.*")'),
        ("select(a, !(attn | mlp))", "select(a, !(attn | mlp))"),
    ],
)
def test_equal_meanings_are_one_node(said: str, again: str) -> None:
    """So they have one plan."""
    head = "".join(f'{label} = model("./{label}")\n' for label in ("base", "a", "b"))
    head += """use "std:classic" as std
def moved(x, k=1/2) = base + k*(x - base)
def thinned(from, *rest) = ties(from, *dare(rest - from; density=0.5))
def both(*rest) = linear(*slerp(rest, base; t=0.5))
"""
    spec = SpecText("", "", "", (), {}, {}, rigid=True, delta=False)
    first, second = (
        check_bundle(spec.given(f"{head}result = {body}\nexport result\n")).exports[0].node
        for body in (said, again)
    )
    assert first == second


@pytest.mark.parametrize("low", range(DEPTH))
@pytest.mark.parametrize(
    "call",
    [
        "{a}",
        "{base} + 0.3*({a} - {base})",
        "linear({a}, {b}; weights=[1, 2])",
        "slerp({a}, {b}; t=0.3)",
        "ties({base}, {a}, {b}; density=0.4, zero=majority)",
        "{base} + dare({a} - {base}; density=0.5, seed=3)",
        "{base} + ({a} - {base} |> dare(density=0.5) |> dare(density=0.5, rescale=l1))",
        "ties({base}, dare({a} - {base}; density=0.5), trim({b} - {base}; density=0.5))",
        "match {{ attn => {a}, embed | norm => {b}, else => {base} }}",
        'as_model({a} + {b}; why="so it is")',
        "ema({base}, {a}, {b}; beta=0.3)",
        "median({a}, {b}, {base})",
        "magmax({base}, {a}, {b}; zero=drop)",
        "ram({base}, {a}, {b}; r=0.1)",
        "consensus({base}, {a}, {b})",
        "sce({base}, {a}, {b}; tau=1/2)",
        "model_stock({base}, {a}, {b})",
        "cabs({base}, {a}, {b}; n=1, m=3)",
        "widen({base}, {a}, {b})",
        "nearswap({a}, {b}; limit=0.001)",
        "arcee_fusion({a}, {b})",
        "karcher({a}, {b}; weights=[2, 1])",
        "{base} + breadcrumbs({a} - {base}; density=0.5, gamma=0.1)",
        "{base} + della({a} - {base}; density=0.5, epsilon=0.2, seed=3)",
    ],
)
def test_slices_go_through_operators(call: str, low: int) -> None:
    """Bit for bit, masks too: they are drawn for the tensor's name in the source."""
    held = family()
    for high in range(low + 1, DEPTH + 1):
        cut = f"[{low}..{high}]"
        whole = call.format(base="base", a="a", b="b")
        parts = call.format(base=f"base{cut}", a=f"a{cut}", b=f"b{cut}")
        assert of_family(f"({whole}){cut}", held) == of_family(parts, held)


def test_masks_are_drawn_for_the_name_in_the_source() -> None:
    """Layer 2 of a source loses the same entries wherever it goes."""
    held = family()
    thinned = "base + dare(a - base; density=0.5)"
    plain = of_family(thinned, held)
    moved = of_family(f"({thinned})[2..3] ++ ({thinned})[0..2]", held)
    here, there = "model.layers.0.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight"
    assert moved[here] == plain[there]
    assert moved[here] != plain[here]


def test_a_slice_is_of_the_layers_it_says() -> None:
    held = family()
    found = of_family("a[1..3]", held)
    for layer in range(2):
        name = "model.layers.{}.mlp.up_proj.weight"
        assert found[name.format(layer)] == held["a"][name.format(layer + 1)]
    assert len(found) == len(held["a"]) - 2


@pytest.mark.parametrize(
    ("said", "code"),
    [("a[0..4]", "E407"), ("a[3..]", "E407"), ("select(a, layers(7..))", "E411")],
)
def test_what_is_not_there_cannot_be_cut_out(said: str, code: str) -> None:
    with pytest.raises(MergecError) as caught:
        of_family(said, family())
    assert [found.code for found in caught.value.diagnostics] == [code]


def made(spec: SpecText, held: Checkpoints, said: str) -> dict[str, StoredTensor]:
    """What a spec makes of `said`, which may name what the spec binds to `result`."""
    bound = [line for line in spec.text.splitlines() if not line.startswith(("export", "require"))]
    word = "delta " if spec.delta else ""
    text = "\n".join((*bound, f"{MACROS}export {word}{said}")) + ' as "again"\n'
    return evaluate_bundle(spec.given(text), held, REFERENCE)["again"]


def family() -> Checkpoints:
    """Three sources of three layers, with something of a difference."""
    return {label: _source(seed) for seed, label in enumerate(("base", "a", "b"))}


def _source(seed: int) -> dict[str, StoredTensor]:
    names = [
        "model.embed_tokens.weight",
        *(
            f"model.layers.{layer}.{part}.weight"
            for layer in range(DEPTH)
            for part in ("self_attn.q_proj", "mlp.up_proj")
        ),
        "model.norm.weight",
        "lm_head.weight",
    ]
    values = long_arrays(Dtype.BF16, len(names), 40, seed)
    return {name: stored(x, Dtype.BF16) for name, x in zip(names, values, strict=True)}


def of_family(said: str, held: Checkpoints) -> dict[str, StoredTensor]:
    """The export of `said` over the family."""
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in held)
    spec = SpecText("", "", "", (), {}, {}, rigid=True, delta=False)
    text = f'{head}export {said} as "made"\n'
    return evaluate_bundle(spec.given(text), held, REFERENCE)["made"]
