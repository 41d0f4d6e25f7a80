"""`scope=global`: all tensors of a value are one vector, whatever is exported and however."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.law_tensors import coarse, dyadic, loaded, stored
from tests.ops.stage_runner import installed_backends
from tests.oracles import whole_model

Floats = NDArray[Any]
Checkpoint = dict[str, StoredTensor]

FLOATS = (Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)
LABELS = ("base", "code", "math")
BOUND = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in LABELS)
# In file order, which is not that of the alphabet.
SHAPES: Mapping[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (3, 4),
    **{f"model.layers.{n}.{x}": (5,) for n in range(4) for x in ("mlp.up_proj.weight", "b")},
    "model.norm.weight": (),
    "lm_head.weight": (2, 7),
}
BACKENDS = installed_backends()
REFERENCE = BACKENDS[0].values[0]
UP = "model.layers.{}.mlp.up_proj.weight"


def filled(seed: int, dtypes: Mapping[str, Dtype] | None = None) -> dict[str, Checkpoint]:
    """Three checkpoints of multiples of 1/16 with many ties, and with integers beside them."""
    random = Random(seed)
    kinds = dtypes or {name: random.choice(FLOATS) for name in SHAPES}
    found: dict[str, Checkpoint] = {}
    for label in LABELS:
        found[label] = {
            name: stored(_numbers(random, shape), kinds[name]) for name, shape in SHAPES.items()
        }
        found[label]["model.position_ids"] = StoredTensor(Dtype.I64, (1,), bytes(8))
        found[label]["model.steps"] = StoredTensor(Dtype.I64, (1,), bytes(8))
    return found


def _numbers(random: Random, shape: tuple[int, ...]) -> Floats:
    kind = random.choice((coarse, dyadic))
    values = [kind(random) for _ in range(int(np.prod(shape)))]
    return np.array(values, np.float64).reshape(shape)


def made(
    text: str, held: Mapping[str, Checkpoint], backend: Backend = REFERENCE
) -> dict[str, Floats]:
    """The floating-point tensors that a spec exports first."""
    return {
        name: loaded(tensor)
        for name, tensor in evaluate(BOUND + text, held, backend).items()
        if tensor.dtype.is_float
    }


def floats(checkpoint: Checkpoint) -> dict[str, Floats]:
    return {name: loaded(x) for name, x in checkpoint.items() if x.dtype.is_float}


def delta(held: Mapping[str, Checkpoint], label: str) -> dict[str, Floats]:
    """A source minus the base, in float64."""
    base = floats(held["base"])
    return {name: x - base[name] for name, x in floats(held[label]).items()}


def require_same(found: Mapping[str, Floats], wanted: Mapping[str, Floats]) -> None:
    assert list(found) == list(wanted)
    for name, x in wanted.items():
        assert np.array_equal(found[name], x), (name, found[name], x)


@pytest.mark.parametrize("ties", ["index", "all"])
@pytest.mark.parametrize("density", ["0.01", "1/5", "1/3", "0.5", "49/50"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_trim_keeps_the_largest_of_all_tensors(backend: Backend, density: str, ties: str) -> None:
    for seed in range(3):
        held = filled(seed)
        call = f"trim(code - base; density={density}, ties={ties}, scope=global)"
        found = made(f'd = {call}\nexport delta d as "d"\n', held, backend)
        wanted = whole_model.trimmed(delta(held, "code"), Fraction(density), ties=ties)
        require_same(found, wanted)


@pytest.mark.parametrize("rescale", ["inv", "l1", "l2"])
def test_what_is_kept_is_rescaled_by_the_norm_of_all(rescale: str) -> None:
    held = filled(7, dict.fromkeys(SHAPES, Dtype.F64))
    call = f"trim(code - base; density=1/3, rescale={rescale}, scope=global)"
    found = made(f'd = {call}\nexport delta d as "d"\n', held)
    wanted = whole_model.trimmed(delta(held, "code"), Fraction(1, 3), rescale=rescale)
    for name, x in wanted.items():
        assert np.allclose(found[name], x, rtol=1e-14, atol=0), name


@pytest.mark.parametrize("zero", ["drop", "majority"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_trims_each_delta_over_all_tensors(backend: Backend, zero: str) -> None:
    for seed in range(4):
        held = filled(seed, dict.fromkeys(SHAPES, Dtype.F32))
        text = f"ties(base, code, math; density=[1/2, 1/4], zero={zero}, scope=global)"
        found = made(f"child = {text}\nexport child\n", held, backend)
        deltas = [delta(held, "code"), delta(held, "math")]
        densities = [Fraction(1, 2), Fraction(1, 4)]
        require_same(found, whole_model.ties(floats(held["base"]), deltas, densities, zero=zero))


@st.composite
def small_models(draw: st.DrawFn) -> dict[str, Checkpoint]:
    """Few tensors of no element to a dozen each, of mixed dtypes, all values dyadic."""
    names = draw(st.lists(st.sampled_from("zyxwv"), min_size=1, max_size=5, unique=True))
    shapes = {name: draw(st.sampled_from([(), (0,), (1,), (2, 3), (7,)])) for name in names}
    dtypes = {name: draw(st.sampled_from(FLOATS)) for name in names}
    random = Random(draw(st.integers(0, 2**32)))
    return {
        label: {n: stored(_numbers(random, shapes[n]), dtypes[n]) for n in names}
        for label in LABELS
    }


@given(held=small_models(), parts=st.integers(1, 12), zero=st.sampled_from(["drop", "majority"]))
def test_any_small_model_is_trimmed_and_merged_as_one_vector(
    held: dict[str, Checkpoint], parts: int, zero: str
) -> None:
    density = Fraction(parts, 12)
    d = f"trim(code - base; density={density}, scope=global)"
    found = made(f'd = {d}\nexport delta d as "d"\n', held)
    require_same(found, whole_model.trimmed(delta(held, "code"), density))
    text = f"child = ties(base, code, math; density={density}, zero={zero}, scope=global)\n"
    found = made(f"{text}export child {{ dtype = f64 }}\n", held)
    deltas = [delta(held, "code"), delta(held, "math")]
    wanted = whole_model.ties(floats(held["base"]), deltas, [density] * 2, zero=zero)
    require_same(found, wanted)


def test_a_threshold_among_numbers_that_differ_in_their_last_bits_is_exact() -> None:
    values = np.array([1 + i * 2.0**-52 for i in range(300)])
    order = np.random.default_rng(0).permutation(300)
    zeros = stored(np.zeros(300), Dtype.F64)
    held = {label: {"w": zeros, "v": zeros} for label in LABELS}
    held["code"] = {"w": stored(values[order], Dtype.F64), "v": stored(values, Dtype.F64)}
    found = made('d = trim(code - base; density=0.37, scope=global)\nexport delta d as "d"', held)
    require_same(found, whole_model.trimmed(delta(held, "code"), Fraction(37, 100)))


GLOBAL = "g = trim(code - base; density=1/3, scope=global)\n"


@pytest.fixture(scope="module")
def held() -> dict[str, Checkpoint]:
    return filled(11)


@pytest.fixture(scope="module")
def kept(held: dict[str, Checkpoint]) -> dict[str, Floats]:
    """`g` by the oracle, rounded as it is written."""
    return whole_model.trimmed(delta(held, "code"), Fraction(1, 3))


def test_a_view_above_changes_no_statistic(
    held: dict[str, Checkpoint], kept: dict[str, Floats]
) -> None:
    found = made(f'{GLOBAL}d = g[1..3]\nexport delta d as "d"', held)
    for n in range(2):
        assert np.array_equal(found[UP.format(n)], kept[UP.format(n + 1)])
    found = made(f'{GLOBAL}d = g[2..4] ++ g[0..2]\nexport delta d as "d"', held)
    for n in range(4):
        assert np.array_equal(found[UP.format(n)], kept[UP.format((n + 2) % 4)])
    assert np.array_equal(found["model.norm.weight"], kept["model.norm.weight"])
    found = made(f'{GLOBAL}d = rename(g, "model.*" => "x.*")\nexport delta d as "d"', held)
    assert np.array_equal(found["x.norm.weight"], kept["model.norm.weight"])
    found = made(f'{GLOBAL}d = select(g, "*.norm.*")\nexport delta d as "d"', held)
    require_same(found, {"model.norm.weight": kept["model.norm.weight"]})


def test_two_tensors_of_one_value_may_meet_in_one(
    held: dict[str, Checkpoint], kept: dict[str, Floats]
) -> None:
    found = made(f'{GLOBAL}d = g[0..2] + 2*g[2..4]\nexport delta d as "d" {{ dtype = f64 }}', held)
    for n in range(2):
        wanted = kept[UP.format(n)] + 2 * kept[UP.format(n + 2)]
        assert np.array_equal(found[UP.format(n)], wanted)


def test_a_view_below_decides_what_the_vector_is(held: dict[str, Checkpoint]) -> None:
    text = 'd = trim(select(code - base, "*.b"); density=1/2, scope=global)\nexport delta d as "d"'
    chosen = {name: x for name, x in delta(held, "code").items() if name.endswith(".b")}
    require_same(made(text, held), whole_model.trimmed(chosen, Fraction(1, 2)))
    text = 'd = trim((code - base)[1..3]; density=1/2, scope=global)\nexport delta d as "d"'
    whole = delta(held, "code")
    moved = {
        name: whole[name.replace(".1.", ".2.").replace(".0.", ".1.")]
        for name in whole
        if ".2." not in name and ".3." not in name
    }
    require_same(made(text, held), whole_model.trimmed(moved, Fraction(1, 2)))


def test_tensors_that_take_another_arm_still_count(
    held: dict[str, Checkpoint], kept: dict[str, Floats]
) -> None:
    text = f'{GLOBAL}d = match {{ "*.b" => g, else => math - base }}\nexport delta d as "d"'
    found = made(text, held)
    assert np.array_equal(found["model.layers.2.b"], kept["model.layers.2.b"])
    assert np.array_equal(found["lm_head.weight"], delta(held, "math")["lm_head.weight"])


def test_numbers_and_choices_below_differ_from_tensor_to_tensor(
    held: dict[str, Checkpoint],
) -> None:
    text = (
        'm = match { "*.b" => ramp(1, 4)*(code - base), else => math - base }\n'
        'd = trim(m; density=1/3, scope=global)\nexport delta d as "d" { dtype = f64 }\n'
    )
    chosen = delta(held, "math")
    for n in range(4):
        chosen[f"model.layers.{n}.b"] = (n + 1) * delta(held, "code")[f"model.layers.{n}.b"]
    require_same(made(text, held), whole_model.trimmed(chosen, Fraction(1, 3)))


def test_one_global_operator_may_lie_below_another(held: dict[str, Checkpoint]) -> None:
    text = (
        "i = trim(code - base; density=1/2, scope=global)\n"
        "o = trim(2*i[0..3] + (math - base)[1..4]; density=1/3, scope=global)\n"
        'export delta o as "o" { dtype = f64 }\n'
    )
    inner = whole_model.trimmed(delta(held, "code"), Fraction(1, 2))
    other = delta(held, "math")
    summed: dict[str, Floats] = {}
    for name in SHAPES:
        if ".3." not in name:
            later = name
            for n in (2, 1, 0):
                later = later.replace(f"layers.{n}.", f"layers.{n + 1}.")
            summed[name] = 2 * inner[name] + other[later]
    require_same(made(text, held), whole_model.trimmed(summed, Fraction(1, 3)))


def test_a_statistic_of_which_only_another_tensor_knows_is_found_first(
    held: dict[str, Checkpoint],
) -> None:
    text = (
        "i = trim(code - base; density=1/4, scope=global)\n"
        'o = trim(match { "*.b" => i, else => math - base }; density=1/3, scope=global)\n'
        'd = select(o, "*.norm.*")\nexport delta d as "d" { dtype = f64 }\n'
    )
    inner = whole_model.trimmed(delta(held, "code"), Fraction(1, 4))
    chosen = delta(held, "math")
    chosen |= {name: inner[name] for name in chosen if name.endswith(".b")}
    wanted = whole_model.trimmed(chosen, Fraction(1, 3))
    require_same(made(text, held), {"model.norm.weight": wanted["model.norm.weight"]})


def test_a_tensor_that_is_an_integer_in_its_arm_takes_no_part(
    held: dict[str, Checkpoint],
) -> None:
    steps = StoredTensor(Dtype.I64, (5,), bytes(40))
    mixed = {label: {**tensors, UP.format(0): steps} for label, tensors in held.items()}
    mixed["code"] = held["code"]
    text = 'm = match { !"*.0.mlp*" => code - base, else => math - base }\n'
    text += 'd = trim(m; density=1/3, scope=global)\nexport delta d as "d"\n'
    chosen = {
        name: x - loaded(held["base"][name])
        for name, x in floats(held["code"]).items()
        if name != UP.format(0)
    }
    require_same(made(text, mixed), whole_model.trimmed(chosen, Fraction(1, 3)))


def test_statistics_of_single_tensors_may_lie_below_and_above(
    held: dict[str, Checkpoint],
) -> None:
    """A drop that restores the L1 norm needs a sweep of its own in every pass."""
    dropped = "dare(code - base; density=1/2, seed=3, rescale=l1)"
    export = 'export delta d as "d" { dtype = f64 }\n'
    alone = made(f"d = {dropped}\n{export}", held)
    wanted = whole_model.trimmed(alone, Fraction(1, 4))
    text = f"d = trim({dropped}; density=1/4, scope=global)\n{export}"
    for name, x in wanted.items():
        assert np.allclose(made(text, held)[name], x, rtol=1e-6, atol=0), name
    above = made(f"{GLOBAL}d = trim(g; density=1/2)\n{export}", held)
    inner = whole_model.trimmed(delta(held, "code"), Fraction(1, 3))
    for name, x in inner.items():
        assert np.array_equal(above[name], whole_model.trimmed({name: x}, Fraction(1, 2))[name])


def test_a_density_of_one_needs_no_statistics(held: dict[str, Checkpoint]) -> None:
    text = 'd = trim(code - base; density=1, scope=global)\nexport delta d as "d"\n'
    require_same(made(text, held), delta(held, "code"))


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        ("trim(code - base; density=ramp(0.2, 0.4), scope=global)", "density"),
        ("trim(code - base; density=match { mlp => 0.2, else => 1 }, scope=global)", "density"),
        ("ties(code - base, math - base; density=[0.1, ramp(0.2, 0.4)], scope=global)", "density"),
    ],
)
def test_a_parameter_of_all_tensors_is_one(
    held: dict[str, Checkpoint], call: str, parameter: str
) -> None:
    with pytest.raises(MergecError) as caught:
        made(f'd = {call}\nexport delta d as "d"\n', held)
    (found,) = caught.value.diagnostics
    assert found.code == "E216"
    assert found.message.startswith(f"`{parameter}` differs from tensor to tensor")
    assert found.span is not None
    assert "ramp" in found.span.text or "match" in found.span.text


def test_a_mistake_below_another_statistic_is_told_once(held: dict[str, Checkpoint]) -> None:
    inner = "i = trim(code - base; density=ramp(0.2, 0.4), scope=global)\n"
    text = f'{inner}d = trim(i; density=1/2, scope=global)\nexport delta d as "d"\n'
    with pytest.raises(MergecError) as caught:
        made(text, held)
    assert [each.code for each in caught.value.diagnostics] == ["E216"]


def test_a_parameter_of_one_tensor_may_differ(held: dict[str, Checkpoint]) -> None:
    text = "ties(base, code, math; density=1/2, scale=ramp(0, 1), scope=global)"
    found = made(f"child = {text}\nexport child {{ dtype = f64 }}", held)
    wanted = whole_model.ties(
        floats(held["base"]), [delta(held, "code"), delta(held, "math")], [Fraction(1, 2)] * 2
    )
    base = floats(held["base"])
    assert np.array_equal(found[UP.format(0)], base[UP.format(0)])
    assert np.array_equal(found[UP.format(3)], wanted[UP.format(3)])


def test_tensors_that_only_a_statistic_reads_must_fit_too(held: dict[str, Checkpoint]) -> None:
    text = f'{GLOBAL}d = select(g, "*.norm.*")\nexport delta d as "d"'
    base, head = held["base"], "lm_head.weight"
    refused = {
        "E401": {name: x for name, x in base.items() if name != head},
        "E402": {**base, head: stored(np.zeros((7, 2)), Dtype.F32)},
        "E403": {**base, head: StoredTensor(Dtype.F8_E4M3, (2, 7), bytes(14))},
    }
    for code, changed in refused.items():
        with pytest.raises(MergecError) as caught:
            made(text, {**held, "base": changed})
        assert [each.code for each in caught.value.diagnostics] == [code]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), parts=st.integers(1, 9))
def test_backends_agree_to_the_bit(seed: int, parts: int) -> None:
    held = filled(seed)
    text = f"child = ties(base, 0.3*(code - base), math; density={parts}/10, scope=global)\n"
    first, *others = (
        evaluate(f"{BOUND}{text}export child", held, each.values[0])
        for each in BACKENDS
        if not each.marks
    )
    assert all(other == first for other in others)
