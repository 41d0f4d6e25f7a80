"""Which tensors a run computes together: rows and readings that share what they read.

The plan says of each output tensor what it means, by a program of its own. A run need not compute
common parts twice: where rows of several exports, or the statistics of a contract, read the same
tensor, their programs are joined into one with several results. Joining changes no bit, because a
call is the same call if its stage, parameters and operands are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from math import prod

from mergec.catalog import Dtype, TensorEntry
from mergec.frozen import frozen
from mergec.ir import NodeKey
from mergec.ops import block_size
from mergec.plan.barriers import waves
from mergec.plan.model import Barrier, Place, Plan, Reading, Row
from mergec.plan.program import Program, StageCall

# The most values that a joined program may hold blocks of. Without a bound, stacks of layers that
# are shifted against each other would join every layer of a model into one step.
_MOST_VALUES = 64


@frozen
class Output:
    """A row of the export with the number `export`, and which of a program's results it is."""

    export: int
    row: Row
    result: int


@frozen
class Observation:
    """A reading with its number in the plan, and which of a program's results it takes."""

    number: int
    reading: Reading
    results: tuple[int, ...]


@frozen
class Step:
    """A program over one set of tensors, and what becomes of its results.

    `entries` are read, one for each input, and `shape` is that of the results, or of what they are
    computed over where they have other shapes. `sites` says for
    each call for which tensor name it draws masks, or of which tensor of a value it has statistics.
    """

    program: Program
    entries: tuple[TensorEntry, ...]
    shape: tuple[int, ...]
    work: Dtype
    sites: tuple[str, ...]
    outputs: tuple[Output, ...]
    observed: tuple[Observation, ...]

    @property
    def copied(self) -> Row | None:
        """The row that this step copies without looking at it, if that is all it does."""
        row = self.outputs[0].row if self.outputs else None
        return row if row is not None and row.action == "copy" else None

    @property
    def meetings(self) -> tuple[tuple[int, ...], ...]:
        """The results that must be there at one time, as `schedule` takes them."""
        return tuple(observation.results for observation in self.observed)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the spec names what the step is about."""
        found = [output.row.place for output in self.outputs]
        found += [observation.reading.place for observation in self.observed]
        return tuple(place for place in found if place is not None)

    @property
    def numel(self) -> int:
        """How many elements each result has."""
        return prod(self.shape)

    @property
    def whole(self) -> frozenset[int]:
        """The inputs that are held whole: factors, and what has another shape than the results."""
        entries = enumerate(self.entries)
        return self.program.whole | {i for i, entry in entries if entry.numel != self.numel}

    def block(self, least: int) -> int:
        """How many elements a block has: at least `least`, and more where stages need more."""
        calls = self.program.calls
        grains = [call.definition().grain(dict(call.params), self.shape) for call in calls]
        return block_size(least, grains, self.numel)

    @property
    def nbytes_read(self) -> int:
        """Bytes of the tensors read, each once, with those that are only compared."""
        equal = (entry.nbytes for output in self.outputs for _, entry in output.row.equal)
        return sum(entry.nbytes_read for entry in self.entries) + sum(equal)


def plan_steps(plan: Plan) -> tuple[Step, ...]:
    """The steps of a run, in the order of the first row of each; copies are steps of their own."""
    items: list[_Item] = [
        (number, row) for number, export in enumerate(plan.exports) for row in export.rows
    ]
    items += enumerate(plan.readings)
    joiner = _Joiner()
    return tuple(_step(group, joiner) for group in _groups(items))


def barrier_steps(wave: Sequence[Barrier]) -> tuple[Step, ...]:
    """The steps of one pass for barriers that do not wait for each other.

    Readings have the numbers that they have in the list of all readings of the wave.
    """
    readings = [reading for barrier in wave for reading in barrier.readings]
    joiner = _Joiner()
    items: list[_Item] = [*enumerate(readings)]
    return tuple(_step(group, joiner) for group in _groups(items))


def barrier_bytes(plan: Plan) -> int:
    """Bytes read by all passes of the barriers, if a tensor is read once a pass."""
    total = 0
    for wave in waves(plan.barriers):
        ends = sorted({barrier.passes for barrier in wave})
        for begin, end in zip((0, *ends), ends, strict=False):
            still = [barrier for barrier in wave if barrier.passes >= end]
            once = sum(step.nbytes_read for step in barrier_steps(still))
            total += (end - begin) * once
    return total


def row_step(row: Row) -> Step:
    """One row by itself, as the plan defines it."""
    outputs = (Output(0, row, 0),)
    return Step(row.program, row.entries, row.over, row.work, sites_of(row), outputs, ())


# A row with the number of its export, or a reading with its own.
_Item = tuple[int, Row | Reading]
_Read = tuple[str, str]


def _groups(items: Sequence[_Item]) -> list[list[_Item]]:
    """Items that read a common tensor, each group within the bound, by their first items."""
    groups: list[list[_Item]] = []
    part_of: list[int] = []  # the group that a group is part of now, or itself
    readers: dict[tuple[_Read, Dtype, tuple[int, ...]], set[int]] = {}
    values = _Values()
    held: dict[int, frozenset[int]] = {}  # the values of groups that might have been joined
    for number, item in enumerate(items):
        groups.append([item])
        part_of.append(number)
        needs, mine = item[1], number
        if isinstance(needs, Row) and needs.action == "copy":
            continue
        # Blocks of another dtype are other blocks, and so are those of another shape.
        reads = [(read, needs.work, needs.over) for read in _reads(needs)]
        found = [readers.get(read, ()) for read in reads]
        others = {_whole(part_of, group) for before in found for group in before}
        for other in sorted(others):
            for group in (mine, other):
                if group not in held:
                    held[group] = values.of(groups[group][0][1])
            together = held[mine] | held[other]
            if len(together) <= _MOST_VALUES:
                mine, gone = sorted((mine, other))
                groups[mine] += groups[gone]
                groups[gone], part_of[gone], held[mine] = [], mine, together
        for read, before in zip(reads, found, strict=True):
            # Groups that have become one are not asked again one by one.
            readers[read] = {_whole(part_of, group) for group in before} | {mine}
    return [group for group in groups if group]


@frozen
class _Values:
    """Numbers for what items read and compute, the same where joining makes one value of two."""

    numbers: dict[tuple[object, ...], int] = field(default_factory=dict[tuple[object, ...], int])
    kinds: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    def of(self, needs: Row | Reading) -> frozenset[int]:
        """The values of one item: its inputs and its calls."""
        values = [self._number(*read) for read in _reads(needs)]
        calls, kinds = needs.program.calls, self._kinds(needs.program)
        for call, kind, site in zip(calls, kinds, sites_of(needs), strict=True):
            values.append(self._number(kind, site, *(values[i] for i in call.operands)))
        return frozenset(values)

    def _kinds(self, program: Program) -> tuple[int, ...]:
        """Numbers for what the calls of a program do, whatever they do it to."""
        if program.key not in self.kinds:
            said = [(call.stage, call.revision, call.params) for call in program.calls]
            self.kinds[program.key] = tuple(self._number("stage", *each) for each in said)
        return self.kinds[program.key]

    def _number(self, *key: object) -> int:
        return self.numbers.setdefault(key, len(self.numbers))


def _whole(part_of: list[int], group: int) -> int:
    """The group that `group` is part of, in the end."""
    while part_of[group] != group:
        part_of[group] = part_of[part_of[group]]  # so that the way is shorter next time
        group = part_of[group]
    return group


def _reads(needs: Row | Reading) -> list[_Read]:
    pairs = zip(needs.labels, needs.entries, strict=True)
    return [(label, entry.key) for label, entry in pairs]


def sites_of(needs: Row | Reading) -> tuple[str, ...]:
    """The tensor name for which each call draws masks, or whose statistics it has."""
    if not needs.origins:
        return (needs.site,) * len(needs.program.calls)
    origins: Mapping[object, str] = dict(needs.origins)
    params = (dict(call.params) for call in needs.program.calls)
    return tuple(origins.get(p.get("origin", p.get("member")), needs.site) for p in params)


def _step(group: Sequence[_Item], joiner: "_Joiner") -> Step:
    joined = joiner.join(group)
    entries = {
        read: entry
        for _, needs in group
        for read, entry in zip(_reads(needs), needs.entries, strict=True)
    }
    names = [*dict.fromkeys(site for _, needs in group for site in sites_of(needs))]
    outputs: list[Output] = []
    observed: list[Observation] = []
    for (number, needs), results in zip(group, joined.results, strict=True):
        if isinstance(needs, Row):
            outputs.append(Output(number, needs, results[0]))
        else:
            observed.append(Observation(number, needs, results))
    return Step(
        joined.program,
        tuple(entries.values()),
        group[0][1].over,
        group[0][1].work,
        tuple([names[site] for site in joined.sites]),
        tuple(outputs),
        tuple(observed),
    )


@frozen
class _Joined:
    """The program of a group. `sites` number the group's names, `results` are those of each item.

    Inputs stand in the order in which the group's items read them.
    """

    program: Program
    sites: tuple[int, ...]
    results: tuple[tuple[int, ...], ...]


# An item up to the names of tensors: its program's key, and the numbers of what it reads and of
# the names that its calls draw masks for.
_Shape = tuple[str, tuple[int, ...], tuple[int, ...]]


@frozen
class _Joiner:
    """Joins groups, those of one shape once: the layers of a model differ in names alone."""

    known: dict[tuple[_Shape, ...], _Joined] = field(
        default_factory=dict[tuple[_Shape, ...], _Joined]
    )
    alone: dict[str, _Joined] = field(default_factory=dict[str, _Joined])

    def join(self, group: Sequence[_Item]) -> _Joined:
        """The program of all of a group's items."""
        _, first = group[0]
        alone = len(group) == 1 and not first.origins
        if alone and len({*_reads(first)}) == len(first.entries):  # whose shape is its program
            if first.program.key not in self.alone:
                self.alone[first.program.key] = self._numbered(group)
            return self.alone[first.program.key]
        return self._numbered(group)

    def _numbered(self, group: Sequence[_Item]) -> _Joined:
        reads: dict[_Read, int] = {}
        names: dict[str, int] = {}
        shapes: list[_Shape] = []
        for _, needs in group:
            read = tuple(reads.setdefault(each, len(reads)) for each in _reads(needs))
            drawn = tuple(names.setdefault(site, len(names)) for site in sites_of(needs))
            shapes.append((needs.program.key, read, drawn))
        shape = tuple(shapes)
        if shape not in self.known:
            programs = [needs.program for _, needs in group]
            self.known[shape] = _join(programs, shapes, [label for label, _ in reads])
        return self.known[shape]


def _join(programs: Sequence[Program], shapes: Sequence[_Shape], labels: list[str]) -> _Joined:
    count = len(labels)
    # A call is known by everything but the node that it was made for.
    calls: dict[tuple[StageCall, int], int] = {}
    results: dict[int, int] = {}
    places: list[tuple[int, ...]] = []
    for program, (_, read, drawn) in zip(programs, shapes, strict=True):
        values = [*read]
        for call, site in zip(program.calls, drawn, strict=True):
            operands = tuple(values[i] for i in call.operands)
            same = (replace(call, node=NodeKey(""), operands=operands), site)
            values.append(calls.setdefault(same, count + len(calls)))
        wanted = (values[r] for r in program.results)
        places.append(tuple(results.setdefault(value, len(results)) for value in wanted))
    joint = Program(tuple(labels), tuple(call for call, _ in calls), tuple(results))
    return _Joined(joint, tuple(site for _, site in calls), tuple(places))
