"""Whether two checkpoints come from one training: sampled rows of a few large tensors.

Weights of networks that were trained apart have no direction in common, even where every name and
shape is the same: their matrices meet at a cosine of 0, with a deviation of 1/√n for n entries.
Those of one model and its fine-tunes stay near 1. Measured on published models, the median of
sampled matrices: a voice detector and its next version, trained anew, 0.01; a chemical language
model and its two fine-tunes, 0.98 and 1.00; a model of atomic forces and what it became on other
data, 0.99, and its previous version, trained anew, -0.01.

The median, because some matrices are alike in all models: tables of positions or of filters that
nobody trained.
"""

from collections.abc import Iterable, Mapping
from math import prod
from statistics import median
from typing import Literal

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Dtype, TensorEntry, TensorName
from mergec.execute.likeness.figures import WEIGHTS
from mergec.execute.likeness.pairing import pair
from mergec.frozen import frozen
from mergec.ops.namespace import Array
from mergec.plan.kin import large_matrices, rows_of
from mergec.shards import SourceReader

Verdict = Literal["related", "unclear", "unrelated", "unknown"]

UNRELATED_BELOW = 0.2
RELATED_FROM = 0.5

# Of each tensor so many elements: a few megabytes of reading for any model.
_SAMPLE = 1 << 15


@frozen
class Kinship:
    """Whether two checkpoints seem related, with the cosine of each tensor that was sampled.

    `unknown` where there is no tensor large enough to tell by; `cosine` is the median, None then.
    """

    verdict: Verdict
    cosine: float | None
    cosines: Mapping[TensorName, float]


def kinship(one: Checkpoint, other: Checkpoint, backend: Backend) -> Kinship:
    """Look at some of the matrices that both have in one shape; a few megabytes are read."""
    shared = pair({"a": one, "b": other}).shared
    pairs = large_matrices([(each.entries["a"], each.entries["b"]) for each in shared])
    with SourceReader(one) as ours, SourceReader(other) as theirs:
        return judge(pairs, ours, theirs, backend)


def judge(
    pairs: Iterable[tuple[TensorEntry, TensorEntry]],
    ours: SourceReader,
    theirs: SourceReader,
    backend: Backend,
) -> Kinship:
    """Sample these tensors, each as one of the two checkpoints has it."""
    cosines: dict[TensorName, float] = {}
    for a, b in pairs:
        cosine = _cosine(backend, _sample(ours, a, backend), _sample(theirs, b, backend))
        if cosine is not None:
            cosines[a.name] = cosine
    if not cosines:
        return Kinship("unknown", None, cosines)
    middle = median(cosines.values())
    verdict: Verdict = "unclear"
    if middle < UNRELATED_BELOW:
        verdict = "unrelated"
    elif middle >= RELATED_FROM:
        verdict = "related"
    return Kinship(verdict, middle, cosines)


def _sample(reader: SourceReader, entry: TensorEntry, backend: Backend) -> Array:
    """Evenly spaced rows as a block in float64, or the beginning of the first if rows are long."""
    rows, row = rows_of(entry), prod(entry.shape[1:])
    count = max(1, min(rows, _SAMPLE // row))
    width = min(row, _SAMPLE)
    size = entry.dtype.bits // 8
    raw = memoryview(bytearray(count * width * size))
    for i in range(count):
        piece = raw[i * width * size : (i + 1) * width * size]
        reader.read_into(entry, (i * rows // count) * row * size, piece)
    return backend.load(raw, entry.dtype, Dtype.F64)


def _cosine(backend: Backend, x: Array, y: Array) -> float | None:
    """None for zeros, and for what is not finite."""
    tally = WEIGHTS.begin()
    WEIGHTS.observe(backend.xp, tally, [x, y])
    backend.finish()
    return WEIGHTS.figures([WEIGHTS.partial(tally)], len(x)).cosine
