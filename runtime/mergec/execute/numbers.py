"""NaN, infinities and small numbers on their way through a run: the policy, and the counts.

The policy acts on the stored bytes of a source, before a backend sees them, and on the stored bytes
of a result. So it is one code for all backends, and what they compute from is the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mergec.backends.reference import ReferenceBackend
from mergec.catalog import Dtype, TensorEntry
from mergec.execute.inputs import BlockInput, open_input
from mergec.frozen import frozen
from mergec.plan import Row
from mergec.plan.nonfinite import REFUSE, NumericPolicy
from mergec.plan.steps import Output, Step
from mergec.shards import SourceReader

# Of each dtype the bits of the exponent, all ones for what is not finite, and the one NaN that is
# computed with and written: quiet, positive, nothing in it.
_WORD = {
    Dtype.BF16: (np.uint16, 0x7F80, 0x7FC0),
    Dtype.F16: (np.uint16, 0x7C00, 0x7E00),
    Dtype.F32: (np.uint32, 0x7F800000, 0x7FC00000),
    Dtype.F64: (np.uint64, 0x7FF << 52, 0xFFF << 51),
}


Counts = tuple[tuple[tuple[str, int], ...], int, int]
"""What is counted of a tensor: what is not finite, by source and in the result, and underflow."""


@frozen
class TensorNumbers:
    """What is to be said of the numbers of one output tensor of the export in `folder`.

    `sources` counts the elements that are NaN or infinite in each source that was read for it,
    `not_finite` those of the result, `underflow` those that are not zero and are stored as zero or
    below the least normal number of the dtype. `numel` is how many there are. Where it is `copied`,
    nothing was done about them.
    """

    folder: str
    tensor: str
    dtype: Dtype
    numel: int
    sources: tuple[tuple[str, int], ...] = ()
    not_finite: int = 0
    underflow: int = 0
    copied: bool = False

    @classmethod
    def of(
        cls,
        output: Output,
        numel: int,
        sources: tuple[tuple[str, int], ...],
        not_finite: int,
        underflow: int,
    ) -> "TensorNumbers":
        """Those of an output, whose folder is not known yet."""
        row = output.row
        copied = row.action == "copy"
        return cls("", row.tensor, row.dtype, numel, sources, not_finite, underflow, copied)


@final
class Numbers:
    """Collects counts from all threads, by the policy of a plan."""

    def __init__(self, policy: NumericPolicy = REFUSE) -> None:
        self.policy = policy
        self._found: dict[tuple[int, str], TensorNumbers] = {}
        self._lock = Lock()

    def of(self, step: Step) -> "StepNumbers":
        """What one step counts into; it is told at the step's end."""
        return StepNumbers(self, step)

    def tell(self, output: Output, found: TensorNumbers) -> None:
        """Keep what is worth a word; from any thread."""
        if found.sources or found.not_finite or found.underflow:
            with self._lock:
                self._found[output.export, output.row.tensor] = found

    def about(self, output: Output) -> TensorNumbers | None:
        """What was told of an output, if anything was."""
        return self._found.get((output.export, output.row.tensor))

    def found(self, folders: Sequence[str]) -> tuple[TensorNumbers, ...]:
        """All of them by export and name; `folders` are those of the exports."""
        named = ((folders[export], it) for (export, _), it in self._found.items())
        every = [replace(it, folder=folder) for folder, it in named]
        return tuple(sorted(every, key=lambda it: (it.folder, it.tensor)))


@final
class StepNumbers:
    """The counts of one step, whose blocks come one after the other."""

    def __init__(self, numbers: Numbers, step: Step) -> None:
        self._numbers = numbers
        self._step = step
        self._sources: dict[str, int] = {}
        self._results: dict[int, tuple[int, int]] = {}

    @property
    def propagates(self) -> bool:
        """Whether what is not finite is computed with."""
        return self._numbers.policy.word == "propagate"

    def inputs(
        self,
        plain: Sequence[BlockInput],
        readers: Sequence[SourceReader],
        whole: frozenset[int],
    ) -> list[BlockInput]:
        """`plain` as the policy has them; `whole` ones have other shapes than the results."""
        policy, labels, entries = (
            self._numbers.policy,
            self._step.program.inputs,
            self._step.entries,
        )
        if policy.word == "error":
            return [*plain]
        bases = [i for i, label in enumerate(labels) if label == policy.base and i not in whole]
        given: list[BlockInput] = []
        for i, (label, source) in enumerate(zip(labels, plain, strict=True)):
            count = OddCounter(self._sources, label)
            if policy.word == "propagate":
                given.append(OneNan(source, count))
            elif i in whole or i in bases or len(bases) != 1:
                given.append(source)  # there is nothing to take, so it is refused as ever
            else:
                base = open_input(readers[bases[0]], entries[bases[0]], held=False)
                given.append(FromBase(source, base, self._step.work, count))
        return given

    def copied(self, output: Output, data: memoryview) -> None:
        """Count in a piece of a tensor that is copied, whatever the policy."""
        row = output.row
        if row.dtype in _WORD and any_not_finite(data, row.dtype):
            count = int(np.count_nonzero(not_finite(data, row.dtype)))
            label = row.labels[0]
            self._sources[label] = self._sources.get(label, 0) + count
            self.result(output, count, 0)

    def result(self, output: Output, lost: int, underflow: int) -> None:
        """Add a block of a result."""
        if lost or underflow:
            before = self._results.get(id(output), (0, 0))
            self._results[id(output)] = (before[0] + lost, before[1] + underflow)

    def end(self) -> list[tuple[Row, int]]:
        """Tell all counts; returns the results that are not finite though their sources are."""
        unexplained: list[tuple[Row, int]] = []
        if not self._sources and not self._results:
            return unexplained
        sources = tuple(sorted(self._sources.items()))
        for output in self._step.outputs:
            row = output.row
            lost, underflow = self._results.get(id(output), (0, 0))
            read = tuple((label, n) for label, n in sources if label in row.labels)
            found = TensorNumbers.of(output, self._step.numel, read, lost, underflow)
            self._numbers.tell(output, found)
            if lost and not read:
                unexplained.append((row, lost))
        return unexplained


@final
class OddCounter:
    """Counts each element of an input once, however often it is read."""

    def __init__(self, counts: dict[str, int], label: str) -> None:
        self._counts = counts
        self._label = label
        self._until = 0

    def add(self, odd: NDArray[np.bool_], start: int) -> bool:
        """Whether any is odd; those of a block that was not seen yet are counted."""
        found = int(np.count_nonzero(odd))
        if found and start >= self._until:
            self._counts[self._label] = self._counts.get(self._label, 0) + found
        self._until = max(self._until, start + len(odd))
        return bool(found)


@final
class OneNan:
    """A tensor whose NaN are all the same NaN, so that no backend can tell two of them apart."""

    def __init__(self, source: BlockInput, counter: OddCounter) -> None:
        self.entry = source.entry
        self._source = source
        self._counter = counter

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`, valid until the next call."""
        raw = self._source.block(start, count)
        if not self._counter.add(not_finite(raw, self.entry.dtype), start):
            return raw
        return with_one_nan(raw, self.entry.dtype)


@final
class FromBase:
    """A tensor whose elements that are not finite are those of the base at the same place.

    Where the base is stored in another dtype, both are decoded, which is exact in the work dtype:
    an element of the base that is rounded on the way would leave a delta that is not zero.
    """

    def __init__(
        self, source: BlockInput, base: BlockInput, work: Dtype, counter: OddCounter
    ) -> None:
        self._source = source
        self._base = base
        self._stored = source.entry.dtype
        self._alike = base.entry.dtype is self._stored
        self._counter = counter
        self._numpy = ReferenceBackend()
        self._work = work
        self.entry: TensorEntry = (
            source.entry if self._alike else replace(source.entry, dtype=work, view=None)
        )

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`, valid until the next call."""
        raw = self._source.block(start, count)
        odd = not_finite(raw, self._stored)
        any_odd = self._counter.add(odd, start)
        if self._alike and not any_odd:
            return raw
        word = _WORD[self.entry.dtype][0]
        repaired: NDArray[Any] = np.frombuffer(self._decoded(raw, self._stored), word)
        if any_odd:
            theirs = self._decoded(self._base.block(start, count), self._base.entry.dtype)
            repaired = repaired.copy()
            np.copyto(repaired, np.frombuffer(theirs, word), where=odd)
        return repaired.view(np.uint8).data

    def _decoded(self, raw: memoryview, dtype: Dtype) -> memoryview:
        if self._alike:
            return raw
        return self._numpy.load(raw, dtype, self._work).view(np.uint8).data


def not_finite(raw: memoryview, dtype: Dtype) -> NDArray[np.bool_]:
    """Which stored elements are NaN or infinite."""
    word, exponent, _ = _WORD[dtype]
    bits: NDArray[Any] = np.frombuffer(raw, word)
    odd: NDArray[np.bool_] = (bits & word(exponent)) == word(exponent)
    return odd


def any_not_finite(raw: memoryview, dtype: Dtype) -> bool:
    """Whether an element is NaN or infinite, at an eighth of the cost of a digest of the bytes.

    Those without sign are the largest among signed words, and those with it among unsigned ones.
    """
    word, exponent, _ = _WORD[dtype]
    bits: NDArray[Any] = np.frombuffer(raw, word)
    signed: NDArray[Any] = bits.view(f"i{bits.itemsize}")
    sign = exponent + _below(exponent) + 1
    return bool(len(bits)) and bool(signed.max() >= exponent or bits.max() >= sign | exponent)


def with_one_nan(raw: memoryview, dtype: Dtype) -> memoryview:
    """A copy of stored elements in which each NaN is the same."""
    word, exponent, nan = _WORD[dtype]
    bits: NDArray[Any] = np.frombuffer(raw, word).copy()
    magnitude = bits & word(exponent | _below(exponent))
    bits[magnitude > word(exponent)] = word(nan)
    return bits.view(np.uint8).data


def _below(exponent: int) -> int:
    """All bits below the lowest of `exponent`."""
    return (exponent & -exponent) - 1
