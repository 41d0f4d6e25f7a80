"""What is read of a tensor for a statistic, and what readings have in common with rows."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.ir import NodeKey, Value
from mergec.plan.find_tensors import FoundTensors
from mergec.plan.model import Place, Reading, Row
from mergec.plan.program import Program
from mergec.resolve import KeySets, Leaf, ResolvedTensor

_WIDE = (Dtype.F32, Dtype.F64)


@frozen
class Asked:
    """A tensor that a statistic is taken of: its name, what it has its shape from, what it is.

    `donor` is the source that has the name.
    """

    name: str
    leaf: Leaf
    resolved: ResolvedTensor
    donor: str


@frozen
class ReadingBinder:
    """Makes the readings of one statistic; `place` is where the spec names what it is of."""

    keys: KeySets
    found: FoundTensors
    place: Place | None

    def has(self, asked: Asked) -> bool:
        """Whether all that a tensor is computed from was found; else it is reported."""
        return all(leaf in self.found for leaf in asked.resolved.leaves.values())

    def reading(
        self,
        number: int,
        asked: Asked,
        program: Program,
        sources: Sequence[NodeKey],
        work: Dtype | None = None,
        own: tuple[tuple[str, Value], ...] = (),
    ) -> Reading:
        """The part of a tensor; `sources` are the source nodes of the program's inputs."""
        entries = tuple(self.found[asked.resolved.leaves[key]] for key in sources)
        return Reading(
            number,
            asked.name,
            program,
            program.inputs,
            entries,
            origins_of(program, asked.resolved),
            work or work_dtype(program, [entry.dtype for entry in entries]),
            self.keys.entry(asked.leaf).shape,
            self.place,
            own,
        )


def as_row(reading: Reading, dtype: Dtype) -> Row:
    """The row that would store a reading, for checks of what it reads."""
    return Row(
        reading.tensor, reading.shape, dtype, "merge", reading.program, reading.labels,
        reading.entries, (), reading.origins, reading.work, "M", 1, reading.place,
    )  # fmt: skip


def beside_rows(readings: Sequence[Reading], rows: Sequence[Row]) -> tuple[Reading, ...]:
    """The readings, in the work dtype of the rows that read the same tensors, if that is one.

    So what is measured is what is written, and is computed from blocks that are read once.
    """
    works: dict[_Read, set[Dtype]] = {}
    if readings:
        for row in rows:
            for read in _reads(row) if row.action != "copy" else ():
                works.setdefault(read, set()).add(row.work)
    found: list[Reading] = []
    for reading in readings:
        met = {work for read in _reads(reading) for work in works.get(read, ())}
        found.append(replace(reading, work=Dtype.F64) if met == {Dtype.F64} else reading)
    return tuple(found)


_Read = tuple[str, str, tuple[int, ...]]


def _reads(item: Row | Reading) -> list[_Read]:
    pairs = zip(item.labels, item.entries, strict=True)
    return [(label, entry.key, item.shape) for label, entry in pairs]


def work_dtype(program: Program, dtypes: Sequence[Dtype]) -> Dtype:
    """One precision above the widest of storage and output: f32 for 16 bits, else f64.

    Statistics over all tensors are of one precision, and so is all that they are applied to.
    """
    wide = program.barriers or any(dtype in _WIDE for dtype in dtypes)
    return Dtype.F64 if wide else Dtype.F32


def origins_of(program: Program, resolved: ResolvedTensor) -> tuple[tuple[NodeKey, str], ...]:
    """The names of tensors that masks and global stages are for, where not the output's."""
    return tuple([(key, resolved.origin(key)) for key in _named(program)])


@lru_cache(maxsize=1 << 14)
def _named(program: Program) -> tuple[NodeKey, ...]:
    """The nodes whose names a program's calls ask for."""
    named = {
        NodeKey(str(value))
        for call in program.calls
        for name, value in call.params
        if name in ("origin", "member")
    }
    return tuple(sorted(named))
