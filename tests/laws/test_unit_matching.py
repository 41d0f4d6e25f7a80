"""Networks whose units were shuffled, and what `weight_match` makes of them, on every backend."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from mergec.backends import get_backend, installed_backends
from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops.tree_sum import LEAF
from mergec.verify.evaluate import bound_rows, evaluate
from mergec.verify.exact import MEANINGS
from mergec.verify.exact.meaning import Applied
from mergec.verify.law_tensors import Floats, loaded, stored

backends = pytest.mark.parametrize("backend", installed_backends())
Network = dict[str, Floats]

MLP = "fc0.weight[0], fc0.bias[0], fc1.weight[1]; fc1.weight[0], fc1.bias[0], fc2.weight[1]"


def text_of(expression: str, sources: Sequence[str]) -> str:
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in sources)
    return f"{head}result = {expression}\nexport result\n"


def run(
    expression: str,
    sources: Mapping[str, Network],
    backend: str = "reference",
    *,
    dtype: Dtype = Dtype.F32,
    block: int = LEAF,
) -> Network:
    """The tensors of an expression over these networks."""
    files = {
        label: {name: stored(x, dtype) for name, x in network.items()}
        for label, network in sources.items()
    }
    text = text_of(expression, [*sources])
    found = evaluate(text, files, get_backend(backend), block=block)
    return {name: loaded(tensor) for name, tensor in found.items()}


def normal(seed: int, **shapes: tuple[int, ...]) -> Network:
    """Random numbers that every dtype but bf16 and f16 holds."""
    generator = np.random.default_rng(seed)
    return {
        name.replace("_", "."): generator.normal(size=shape).astype(np.float32).astype(np.float64)
        for name, shape in shapes.items()
    }


def mlp(seed: int, *widths: int) -> Network:
    """Layers `fc0`, `fc1` ... with biases but for the last."""
    pairs = list(enumerate(zip(widths[1:], widths[:-1], strict=True)))
    weights = {f"fc{i}_weight": pair for i, pair in pairs}
    return normal(seed, **weights, **{f"fc{i}_bias": (pair[0],) for i, pair in pairs[:-1]})


def shuffled(network: Network, seed: int) -> Network:
    """The same function: the units of each hidden layer in another order."""
    generator = np.random.default_rng(seed)
    found = dict(network)
    for layer in range(sum(name.endswith("weight") for name in network) - 1):
        order = generator.permutation(len(network[f"fc{layer}.bias"]))
        found[f"fc{layer}.weight"] = found[f"fc{layer}.weight"][order]
        found[f"fc{layer}.bias"] = found[f"fc{layer}.bias"][order]
        found[f"fc{layer + 1}.weight"] = found[f"fc{layer + 1}.weight"][:, order]
    return found


def outputs(network: Network, inputs: Floats) -> Floats:
    x = inputs
    layers = sum(name.endswith("weight") for name in network)
    for layer in range(layers):
        x = x @ network[f"fc{layer}.weight"].T + network.get(f"fc{layer}.bias", 0.0)
        x = np.maximum(x, 0.0) if layer < layers - 1 else x
    return x


def require_same(found: Network, expected: Network) -> None:
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        assert found[name].tobytes() == x.tobytes(), name


def product(left: Network, right: Network) -> float:
    return sum(float(np.sum(left[name] * right[name])) for name in left)


@backends
@pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16], ids=lambda d: d.word)
def test_g25(backend: str, dtype: Dtype) -> None:
    """The assignment is 2, 0, 1; the trace of the costs grows from 2.4 to 4.4."""
    a = {"w": np.array([[1, 0], [0, 1], [1, 1.0]])}
    b = {"w": np.array([[0, 1.1], [0.9, 1.2], [1.2, 0]])}
    costs = a["w"] @ b["w"].T
    assert np.allclose(costs, [[0, 0.9, 1.2], [1.1, 1.2, 0], [1.1, 2.1, 1.2]], atol=1e-15)
    found = run('weight_match(b, a; units="w[0]")', {"a": a, "b": b}, backend, dtype=dtype)
    held = loaded(stored(b["w"], dtype))
    assert found["w"].tolist() == held[[2, 0, 1]].tolist()
    if dtype is Dtype.F64:
        assert product(a, b) == pytest.approx(2.4, abs=1e-12)
        assert product(a, found) == pytest.approx(4.4, abs=1e-12)


def exactly(axes: Mapping[str, Value], sources: Mapping[str, Network]) -> Network:
    """What the oracle makes of `b` and `a`, by the axes of each tensor."""
    tensors = [
        Applied(
            "weight_match",
            {"axes": carried, "component": Fraction(0), "seed": 0},
            [tuple(map(Fraction, sources[label][name].ravel().tolist())) for label in "ba"],
            has_base=True,
            tensor=name,
        )
        for name, carried in axes.items()
    ]
    meaning = MEANINGS["weight_match"]
    found = zip(axes, map(meaning, meaning.over_all(tensors)), strict=True)
    return {
        name: np.array([float(x) for x in vector]).reshape(sources["b"][name].shape)
        for name, vector in found
    }


def test_g25_on_rationals() -> None:
    a = {"w": np.array([[1, 0], [0, 1], [1, 1.0]])}
    b = {"w": np.array([[0, 1.1], [0.9, 1.2], [1.2, 0]])}
    found = exactly({"w": ((0, 3, 2),)}, {"a": a, "b": b})
    assert found["w"].tolist() == b["w"][[2, 0, 1]].tolist()


def test_the_rationals_say_the_same_of_a_network() -> None:
    a, b = mlp(33, 4, 6, 5, 3), mlp(34, 4, 6, 5, 3)
    axes: dict[str, Value] = {
        "fc0.weight": ((0, 6, 4),), "fc0.bias": ((0, 6, 1),),
        "fc1.weight": ((0, 6, 1), (1, 5, 6)), "fc1.bias": ((1, 5, 1),),
        "fc2.weight": ((1, 5, 1),),
    }  # fmt: skip
    sources = {"a": a, "b": b}
    found = exactly(axes, sources)
    require_same(run(f'weight_match(b, a; units="{MLP}")', sources), found)


@backends
def test_one_hidden_layer_is_found_again(backend: str) -> None:
    a = mlp(1, 5, 11, 4)
    found = run(
        'weight_match(b, a; units="fc0.weight[0], fc0.bias[0], fc1.weight[1]")',
        {"a": a, "b": shuffled(a, 2)},
        backend,
    )
    require_same(found, a)


@backends
def test_layers_that_depend_on_each_other_are_found_again(backend: str) -> None:
    a = mlp(3, 8, 13, 9, 5)
    found = run(f'weight_match(b, a; units="{MLP}")', {"a": a, "b": shuffled(a, 4)}, backend)
    require_same(found, a)


def test_a_merge_with_a_shuffled_copy_is_the_original() -> None:
    a = mlp(5, 6, 10, 7, 3)
    sources = {"a": a, "b": shuffled(a, 6)}
    merged = run(f'weight_match(b, a; units="{MLP}") |> linear(a)', sources)
    require_same(merged, a)
    plain = run("linear(a, b)", sources)
    assert any(not np.array_equal(plain[name], a[name]) for name in a)


def test_unrelated_networks_fit_better_and_compute_the_same() -> None:
    a, b = mlp(7, 6, 12, 10, 3), mlp(8, 6, 12, 10, 3)
    found = run(f'weight_match(b, a; units="{MLP}")', {"a": a, "b": b}, dtype=Dtype.F64)
    assert product(a, found) > product(a, b)
    inputs = np.random.default_rng(9).normal(size=(20, 6))
    assert np.allclose(outputs(found, inputs), outputs(b, inputs), rtol=0, atol=1e-12)
    assert not np.array_equal(found["fc0.weight"], b["fc0.weight"])


def test_no_single_exchange_of_two_units_fits_better() -> None:
    """A local optimum: the best order of each layer, given that of the other."""
    a, b = mlp(10, 4, 5, 4, 3), mlp(11, 4, 5, 4, 3)
    found = run(f'weight_match(b, a; units="{MLP}")', {"a": a, "b": b}, dtype=Dtype.F64)
    best = product(a, found)
    for order in permutations(range(5)):
        other = dict(found)
        other["fc0.weight"] = found["fc0.weight"][list(order)]
        other["fc0.bias"] = found["fc0.bias"][list(order)]
        other["fc1.weight"] = found["fc1.weight"][:, list(order)]
        assert product(a, other) <= best + 1e-9


@backends
def test_a_model_fits_itself_bit_for_bit(backend: str) -> None:
    a = mlp(12, 4, 6, 5, 3)
    a["fc0.weight"][1] = a["fc0.weight"][0] = -0.0  # units that are alike, and signed zeros
    a["fc0.bias"][:2] = 0.0
    require_same(run(f'weight_match(a, a; units="{MLP}")', {"a": a}, backend), a)


@backends
def test_heads_move_as_wholes(backend: str) -> None:
    """Four heads of width 3 with shared keys of width 2."""
    a = normal(13, q_weight=(12, 5), k_weight=(8, 5), o_weight=(6, 12))
    order = [2, 0, 3, 1]
    b = {
        "q.weight": a["q.weight"].reshape(4, 3, 5)[order].reshape(12, 5),
        "k.weight": a["k.weight"].reshape(4, 2, 5)[order].reshape(8, 5),
        "o.weight": a["o.weight"].reshape(6, 4, 3)[:, order].reshape(6, 12),
    }
    units = "q.weight[0 / 4], k.weight[0 / 4], o.weight[1 / 4]"
    require_same(run(f'weight_match(b, a; units="{units}")', {"a": a, "b": b}, backend), a)


@backends
def test_parts_of_a_fused_matrix_move_alike(backend: str) -> None:
    """Queries, keys and values of three heads of width 2 side by side, and a convolution."""
    a = normal(14, qkv=(5, 18), o=(6, 5), conv=(4, 3, 2, 2))
    order = [1, 2, 0]
    b = {
        "qkv": a["qkv"].reshape(5, 3, 3, 2)[:, :, order].reshape(5, 18),
        "o": a["o"].reshape(3, 2, 5)[order].reshape(6, 5),
        "conv": a["conv"][:, order],
    }
    units = "qkv[1 / 3x3], o[0 / 3], conv[1]"
    require_same(run(f'weight_match(b, a; units="{units}")', {"a": a, "b": b}, backend), a)


def test_the_residual_stream_is_one_group_more() -> None:
    """All layers hang together by it; the function stays."""

    def network(seed: int) -> Network:
        return normal(
            seed,
            embed=(6, 9),
            **{f"l{i}_up": (7, 9) for i in range(2)},
            **{f"l{i}_down": (9, 7) for i in range(2)},
            head=(3, 9),
        )

    def forward(net: Network) -> Floats:
        x = net["embed"]
        for i in range(2):
            x = x + np.maximum(x @ net[f"l{i}.up"].T, 0.0) @ net[f"l{i}.down"].T
        return x @ net["head"].T

    a, b = network(15), network(16)
    units = "embed[1], l*.up[1], l*.down[0], head[1]; l0.up[0], l0.down[1]; l1.up[0], l1.down[1]"
    found = run(f'weight_match(b, a; units="{units}")', {"a": a, "b": b}, dtype=Dtype.F64)
    assert np.allclose(forward(found), forward(b), rtol=0, atol=1e-9)
    assert product(a, found) > product(a, b)
    assert not np.array_equal(found["embed"], b["embed"])


def test_what_carries_no_group_is_copied() -> None:
    a, b = mlp(17, 4, 5, 3), mlp(18, 4, 5, 3)
    extra = {"norm.weight": np.ones(3)}
    files = {
        label: {name: stored(x, Dtype.F32) for name, x in {**network, **extra}.items()}
        for label, network in {"a": a, "b": b}.items()
    }
    units = "fc0.weight[0], fc0.bias[0], fc1.weight[1]"
    text = text_of(f'weight_match(b, a; units="{units}")', ["a", "b"])
    rows = {row.tensor: (row.action, row.exactness) for row in bound_rows(text, files)}
    assert rows.pop("norm.weight") == ("copy", "P")
    assert set(rows.values()) == {("merge", "T")}


def test_what_carries_no_group_is_asked_of_nobody_else() -> None:
    """The other model may lack such tensors, or have them in another shape."""
    a, b = mlp(17, 4, 5, 3), mlp(18, 4, 5, 3)
    own = {**b, "head": np.ones((7, 3)), "norm": np.ones(3)}
    found = run(
        'weight_match(b, a; units="fc0.weight[0], fc0.bias[0], fc1.weight[1]")',
        {"a": {**a, "head": np.ones((9, 3))}, "b": own},
    )
    assert np.array_equal(found["head"], own["head"])
    assert np.array_equal(found["norm"], own["norm"])


def test_one_unit_has_no_order() -> None:
    a = normal(19, q=(4, 3), o=(3, 4))
    files = {label: {k: stored(x, Dtype.F32) for k, x in a.items()} for label in "ab"}
    text = text_of('weight_match(b, a; units="q[0 / 1], o[1 / 1]")', ["a", "b"])
    assert {row.action for row in bound_rows(text, files)} == {"copy"}


@backends
def test_blocks_say_nothing(backend: str) -> None:
    """Tensors of more than one block."""
    a, b = normal(20, w=(300, 410), v=(300,)), normal(21, w=(300, 410), v=(300,))
    expression = 'weight_match(b, a; units="w[0], v[0]; w[1]")'
    sources = {"a": a, "b": b}
    small, large = (run(expression, sources, backend, block=n * LEAF) for n in (1, 4))
    require_same(small, large)
    assert sorted(small["v"].tolist()) == sorted(b["v"].tolist())


def test_a_seed_is_an_order_of_visits() -> None:
    """Three groups on the axes of one tensor: where the descent ends depends on where it began."""
    sources = {"a": normal(22, w=(6, 7, 8)), "b": normal(23, w=(6, 7, 8))}
    found = [
        run(f'weight_match(b, a; units="w[0]; w[1]; w[2]", seed={seed})', sources)["w"]
        for seed in (*range(6), 0)
    ]
    assert found[0].tobytes() == found[-1].tobytes()
    assert len({x.tobytes() for x in found}) > 1


def test_names_may_have_a_prefix_in_one_of_the_models() -> None:
    a = mlp(24, 5, 8, 4)
    b = {f"model.{name}": x for name, x in shuffled(a, 25).items()}
    units = "fc0.weight[0], fc0.bias[0], fc1.weight[1]"
    matched = run(f'linear(a, weight_match(b, a; units="{units}"))', {"a": a, "b": b})
    require_same(matched, a)
    other = run(f'weight_match(b, a; units="model.{units}")', {"a": a, "b": b})
    require_same({name.removeprefix("model."): x for name, x in other.items()}, a)


def test_what_is_computed_can_be_matched() -> None:
    a, b = mlp(26, 4, 6, 3), mlp(27, 4, 6, 3)
    units = "fc0.weight[0], fc0.bias[0], fc1.weight[1]"
    sources = {"a": a, "b": b, "c": shuffled(a, 28)}
    found = run(f'weight_match(linear(c, c), linear(a, a); units="{units}")', sources)
    require_same(found, a)


def test_what_is_matched_can_be_matched_to() -> None:
    """Statistics wait for those that they are taken of."""
    a, b, c = (mlp(seed, 4, 7, 6, 3) for seed in (30, 31, 32))
    first = run(f'weight_match(b, a; units="{MLP}")', {"a": a, "b": b})
    second = run(f'weight_match(c, b; units="{MLP}")', {"b": first, "c": c})
    at_once = f'weight_match(c, weight_match(b, a; units="{MLP}"); units="{MLP}")'
    require_same(run(at_once, {"a": a, "b": b, "c": c}), second)


def test_a_tensor_without_elements_has_no_say() -> None:
    a = normal(29, w=(4, 3), z=(4, 0))
    b = {"w": a["w"][[3, 1, 0, 2]], "z": a["z"]}
    require_same(run('weight_match(b, a; units="w[0], z[0]")', {"a": a, "b": b}), a)
