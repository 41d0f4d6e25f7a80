"""An expanded spec is a spec: canonical, without macros and defaults, and of the same graph."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given

from mergec.diagnostics import SourceText
from mergec.elaborate import Bundle, Elaborated, Setting, elaborate
from mergec.elaborate.print_spec import print_spec
from mergec.syntax import Param, format_spec, parse_spec
from tests.elaborate.checked_specs import SOURCES
from tests.strategies import SpecText, specs

ROOT = Path(__file__).parents[2] / "specs"
EXAMPLES = sorted(p for kind in ("valid", "recipes") for p in (ROOT / kind).glob("*.merge"))
X = "match { attn => 0.3, else => 0.5 }*code + match { attn => 0.7, else => 0.5 }*math"
# Whoever doubles something with every line writes little and means a lot.
DOUBLED = [f"r{i + 1} = r{i}*r{i}" for i in range(8)]
ADDED = [
    f"r{i + 1} = r{i} + match {{ layers({i}..) => {i % 7 + 1}, else => 0 }}" for i in range(99)
]
INSIDE = [f"r{i + 1} = match {{ attn => r{i}, else => 0 }}" for i in range(99)]
CHAIN = [f"x{i + 1} = linear(x{i}, code)" for i in range(500)]


def elaborated(
    text: str, root: Path = Path(), given: Mapping[str, str] = MappingProxyType({})
) -> Elaborated:
    """The graph of a spec that stands in `root`; `given` are values for its parameters."""
    source = SourceText("spec.merge", text)
    settings = {name: Setting(value) for name, value in given.items()}
    return elaborate(parse_spec(source).spec, Bundle(source, root, settings))


def expanded(checked: Elaborated) -> str:
    """The expansion of a spec, which must be canonical and mean the same as the spec."""
    text = print_spec(checked)
    parsed = parse_spec(SourceText("expanded.merge", text))
    assert parsed.diagnostics == ()
    assert format_spec(parsed.spec) == text
    again = elaborated(text)
    assert meaning(again) == meaning(checked), text
    return text


def meaning(checked: Elaborated) -> object:
    """Everything that a spec says, but for its names and places."""
    sources = [(s.label, s.ref, s.rev) for s in checked.sources]
    contracts = [(c.condition, c.why) for c in checked.contracts]
    exports = [
        (e.name, e.donor, e.delta, e.dtype, e.shard_bytes, e.tokenizer, e.docs)
        for e in checked.exports
    ]
    return dict(checked.graph.outputs), sources, contracts, exports


def expansion(*lines: str, **given: str) -> str:
    """The expansion of a spec that binds `base`, `code` and `math` and goes on with `lines`.

    The lines of the sources are left out.
    """
    text = expanded(elaborated(SOURCES + "\n".join(lines) + "\n", given=given))
    return text.partition("\n\n")[2]


@given(spec=specs("any"))
def test_random_specs_mean_the_same_when_expanded(spec: SpecText) -> None:
    bundle = spec.bundle
    expanded(elaborate(parse_spec(bundle.source).spec, bundle))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_mean_the_same_when_expanded(path: Path) -> None:
    text = path.read_text("utf-8")
    statements = parse_spec(SourceText(path.name, text)).spec.statements
    models = [s.name for s in statements if isinstance(s, Param) and s.type == "model"]
    expanded(elaborated(text, path.parent, {name: f"./{name}" for name in models}))


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("model_soup(code, base)", "linear(code, base; weights=1, normalize=true)"),
        ("wise_ft(base, code)", "0.5*base + 0.5*code"),
        (
            "task_arithmetic(base, code; weights=2)",
            "base + 1*linear(code - base, weights=2, normalize=false)",
        ),
        ("chat_vector(math, code, base)", "math + 1*(code - base)"),
        ("depth_upscale(base, until=2, again_from=1)", "base[..2] ++ base[1..]"),
    ],
)
def test_macros_of_the_library_are_what_is_printed(call: str, written: str) -> None:
    found = expansion('use "std:classic" as std', f"child = std.{call}")
    assert found == f'child = {written}\n\nexport child as "child"\n'


def test_macros_defaults_and_canonical_order_are_written_out() -> None:
    lines = (
        'use "std:classic" as std',
        "param keep: number = 0.1",
        "## A tenth.",
        "child = std.dare_ties(base, math, code; density=keep, weights=[2, 1])",
    )
    assert expansion(*lines, keep="1/3") == (
        "v1 = dare(code - base, density=1/3, seed=0, rescale=inv)\n"
        "v2 = dare(math - base, density=1/3, seed=0, rescale=inv)\n"
        "child = ties(\n    base,\n    v1,\n    v2;\n"
        "    density=1,\n    weights=[1, 2],\n    scale=1,\n    elect=mass,\n    zero=drop,\n"
        "    agg=wmean,\n    weight_stage=before,\n    scope=tensor,\n)\n\n"
        '## A tenth.\nexport child as "child"\n'
    )


def test_settings_of_exports_are_kept_and_defaults_are_not() -> None:
    lines = (
        'export base as "a" { shard = 5GB }',
        'export base as "b" { tokenizer = base, dtype = bf16, shard = 1536MiB }',
        'export delta (-(code - base)) as "c" { shard = 1.001KB }',
    )
    assert expanded(elaborated(SOURCES + "\n".join(lines) + "\n")).partition("\n\n")[2] == (
        'export base as "a"\n'
        'export base as "b" { dtype = bf16, shard = 1.5GiB, tokenizer = base }\n'
        'export delta (-(code - base)) as "c" { shard = 1.001KB }\n'
    )


def test_contracts_are_kept() -> None:
    lines = (
        "x = slerp(base, code; t=0.5)",
        'require norm(x - base) < -1 or 0 - 1/3 != params(base) and not (finite(x)), "so"',
        'require dtype(x) == f32 and 2*(norm(x) - 1) >= norm(2*x - base), "a \\"why\\""',
    )
    assert expansion(*lines) == (
        "x = slerp(base, code; t=0.5, norm=raw, scope=tensor, antiparallel=error, "
        "extrapolate=false)\n\n"
        'require norm(x - base) < -1 or 0 - 1/3 != params(base) and not finite(x), "so"\n'
        'require dtype(x) == "f32" and 2*(norm(x) - 1) >= norm(2*x - base), "a \\"why\\""\n\n'
        'export x as "x"\n'
    )


def test_sources_without_a_name_are_called_after_their_label() -> None:
    text = (
        'v1 = model("./models/base", id="v")\n'
        'child = linear(v1, model("org/1-x", rev="main"), model("./delta"), model("y/v1"))\n'
    )
    assert expanded(elaborated(text)) == (
        'v1           = model("./models/base", id="v")\n'
        'source_1_x   = model("org/1-x", rev="main")\n'
        'source_delta = model("./delta")\n'
        'v1_2         = model("y/v1")\n\n'
        "child = linear(v1, source_delta, source_1_x, v1_2; weights=1, normalize=true)\n\n"
        'export child as "child"\n'
    )


@pytest.mark.parametrize(
    "lines",
    [
        # A mass that differs from tensor to tensor: as operand, base, arm, view, delta.
        [f"x = {X}", "child = linear(ties(x, code, x; density=0.5), ties(base, x; density=0.2))"],
        [f"x = {X}", 'export delta dare(x - base, density=ramp(0.1, 0.5)) as "d"'],
        [f"x = {X}", "child = match { attn => x, else => x[0..2] ++ select(x, mlp) }"],
        # The operand that was written first is not the first one by label.
        ["child = linear(code, base, math[0..2]; weights=[3, 1, 2])"],
        ["a = math[0..2]", "child = linear(a, base, a, a; weights=[ramp(0, 1), 0.5, 2, 2])"],
        ["child = linear(math[..2], math[..2]; weights=[2, 1])"],
        # Stacks and sums in each other.
        ["s = base[..1] ++ code[1..]", "child = s ++ base ++ s"],
        ["child = stack(base ++ (code ++ math), stack(base), base; untie=true)"],
        [f"child = stack({', '.join(['base'] * 250)})"],
        ["child = (base ++ code) + (base ++ math) - (code ++ code)"],
        # Signs and factors.
        ["child = -(-base)"],
        ["child = 1*base"],
        ["child = (-1)*((1/7)*((-7)*base))"],
        ["child = base - -1/3*(code - base) + 1/1024*(math - base)"],
        # Numbers that no literal can hold.
        ["k = 1e300*1e300*1e300 + 7", "child = k*base + (1 - k)*code + (0.1/k)*(math - math)"],
        ["child = 1e-350*base + (1 - 1e-350)*code"],
        # Numbers that differ from tensor to tensor.
        ["r = ramp(0, 1/3, -1)", "child = slerp(base, code; t=2 - 3*r*r + r/(1 + r) - 1/(r*r))"],
        ["r0 = ramp(0, 1)", *DOUBLED, "child = slerp(base, code; t=r8)"],
        ["r0 = ramp(0, 1)", *ADDED, "child = linear(base, code; weights=[1, r99])"],
        ["r0 = ramp(0, 1)", *INSIDE[:29], "child = slerp(base, code; t=r29)"],
        # Views, with texts that need escapes.
        ['child = rename(rename(base, "a" => "\\"b"), "model.*" => "*", "x\\\\" => "y")'],
        [
            'child = match { !(embed | "x\\"*") & layers(1..) => base, layers(..1) => code, '
            '"?" => base }',
        ],
        [
            "d = select(code, attn) - select(base, attn)",
            'child = as_model(2*d + base, why="so\\n")',
        ],
        # As deep as a graph can be.
        ["x0 = base", *CHAIN, "child = x500"],
    ],
    ids=lambda lines: str(lines[-1])[:60],
)
def test_what_is_hard_to_write_means_the_same_when_expanded(lines: list[str]) -> None:
    expansion(*lines)


def test_words_texts_and_bools_come_from_parameters() -> None:
    lines = (
        'param how: text = "none"',
        'param mark: text = "a"',
        "def f(x, seed=4) = dare(x, density=0.5, rescale=how, seed=seed, stream=mark)",
        'export delta f(code - base, seed=18446744073709551615) as "d"',
    )
    assert expansion(*lines, mark='b"c') == (
        "v1 = dare(code - base, density=0.5, seed=18446744073709551615, rescale=none, "
        'stream="b\\"c")\n\n'
        'export delta v1 as "d"\n'
    )
