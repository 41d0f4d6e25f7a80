"""Small checkpoints to merge: embeddings, layers of three roles, a final norm and a head."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from random import Random

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor
from mergec.verify.law_tensors import Elements, arrays, coarse, dyadic, loaded, stored
from tests.strategies.specs import SpecText

FLOATS = (Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)
PREFIX = "wrapped."

_IN_LAYER = ("input_layernorm.weight", "mlp.up_proj.weight", "self_attn.q_proj.weight")
_OUTSIDE = ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")
_SHAPES = ((), (0,), (1,), (2, 3), (7,), (3, 4))
_SMALL = (2.0**-126, -(2.0**-149), 2.0**-133, 2.0**-24, -0.0, 0.1, -0.1, 0.3, 1 + 2.0**-23)

Checkpoints = Mapping[str, Mapping[str, StoredTensor]]


def checkpoints(spec: SpecText, *, exact: bool) -> st.SearchStrategy[Checkpoints]:
    """For each source of `spec` a checkpoint of as many layers as the spec takes it to have.

    Mixed dtypes, no element to a dozen in a tensor; with `exact` all are multiples of 1/16. Where
    the spec never looks at names, some sources have a prefix on every one. All hold an equal
    integer buffer and a bookkeeping one that differs. Sources of statistics have one for each
    tensor, or for each matrix.
    """
    return st.composite(_fill)(spec, exact)


def _fill(draw: st.DrawFn, spec: SpecText, exact: bool) -> Checkpoints:
    shapes = {name: draw(st.sampled_from(_SHAPES)) for name in (*_IN_LAYER, *_OUTSIDE)}
    elements = draw(st.sampled_from([dyadic, coarse] if exact else [dyadic, coarse, _uneven]))
    found: dict[str, dict[str, StoredTensor]] = {}
    for label, layers in spec.layers.items():
        prefixed = not spec.rigid and label != "base" and draw(st.integers(0, 5)) == 5
        prefix = PREFIX if prefixed else ""
        found[label] = {
            f"{prefix}{name}": _tensor(draw, elements, shapes[kind])
            for name, kind in _names(layers).items()
        }
        found[label][f"{prefix}model.steps"] = StoredTensor(Dtype.I64, (1,), bytes(8))
        ids = bytes([draw(st.integers(0, 9)), *bytes(7)])
        found[label][f"{prefix}model.position_ids"] = StoredTensor(Dtype.I64, (1,), ids)
    layers = max(spec.layers.values())
    for label, kind in spec.statistics.items():
        found[label] = {
            name: _STATISTICS[kind](draw, shapes[part])
            for name, part in _names(layers).items()
            if kind == "importance" or len(shapes[part]) == 2
        }
        # A file without any tensor is refused.
        found[label]["model.steps"] = StoredTensor(Dtype.I64, (1,), bytes(8))
    return found


def _names(layers: int) -> dict[str, str]:
    """Every tensor name, with the part of it that says what it is."""
    inside = {f"model.layers.{n}.{kind}": kind for n in range(layers) for kind in _IN_LAYER}
    return {_OUTSIDE[0]: _OUTSIDE[0], **inside, **{name: name for name in _OUTSIDE[1:]}}


def _tensor(draw: st.DrawFn, elements: Elements, shape: tuple[int, ...]) -> StoredTensor:
    dtype = draw(st.sampled_from(FLOATS))
    n = prod(shape)
    (values,) = draw(arrays(elements, dtype, 1, least=n, most=n))
    return stored(values.reshape(shape), dtype)


def _importance(draw: st.DrawFn, shape: tuple[int, ...]) -> StoredTensor:
    """Small numbers, none of them negative, some of them zero."""
    count = prod(shape)
    values = draw(st.lists(st.integers(0, 64), min_size=count, max_size=count))
    return stored(np.array(values).reshape(shape) / 16, draw(st.sampled_from(FLOATS)))


def _gram(draw: st.DrawFn, shape: tuple[int, ...]) -> StoredTensor:
    """X'X of some rows, with a little on the diagonal, as an inverse needs."""
    count = shape[-1]
    values = draw(st.lists(st.integers(-4, 4), min_size=2 * count, max_size=2 * count))
    rows = np.array(values).reshape(2, count) / 4
    return stored(rows.T @ rows + np.eye(count) / 4, draw(st.sampled_from((Dtype.F32, Dtype.F64))))


_STATISTICS = {"importance": _importance, "gram": _gram}


def _uneven(random: Random) -> float:
    """Ordinary numbers among tiny ones, so that no sum leaves the range of float16."""
    return random.choice((random.choice(_SMALL), random.uniform(-4.0, 4.0)))


def entry(tensors: Mapping[str, StoredTensor], name: str) -> StoredTensor:
    """A tensor of a source by the name that others have for it, wherever a prefix stands."""
    plain = name.removeprefix(PREFIX)
    return tensors[plain] if plain in tensors else tensors[f"{PREFIX}{plain}"]


def fraction_list(tensor: StoredTensor) -> Sequence[Fraction]:
    """A stored tensor's elements as rationals, in row order."""
    return [Fraction(x) for x in loaded(tensor).ravel().tolist()]
