"""By which names a value is asked for its tensors, where an export has other names than it has."""

from collections.abc import Iterable, Sequence

from mergec.catalog import TensorName, match_names
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.frozen import frozen
from mergec.ir import NodeKey
from mergec.plan.model import Barrier, Reading, Row
from mergec.plan.steps import sites_of
from mergec.resolve import KeySets


@frozen
class Naming:
    """The names of the source `donor`: they have the prefix `more`, and lack the prefix `less`."""

    donor: str
    more: str
    less: str

    def of(self, own: str) -> str:
        """What the donor's name is for a value's own."""
        return self.more + own.removeprefix(self.less)


def naming_of(elaborated: Elaborated, keys: KeySets, key: NodeKey, asked: str) -> Naming | None:
    """The naming by which a global operator is asked for tensors; None if it has such names.

    `asked` is one of the names, empty if they are those of an export. As masks are drawn for the
    names that are asked, so they must be where its statistics are taken.
    """
    own = {TensorName(name) for name in keys.of(key).origins}
    exported = [keys.of(export.node) for export in elaborated.exports]
    sets = [(each.donor, [asked] if asked else [*each.origins]) for each in exported]
    if any(name in own for _, names in sets for name in names):
        return None
    for donor, names in sets:
        for name, found in match_names([*map(TensorName, names)], own).names.items():
            if found.endswith(name):
                return Naming(donor, "", found.removesuffix(name))
            return Naming(donor, name.removesuffix(found), "")
    return None


def two_namings(
    elaborated: Elaborated, barriers: Sequence[Barrier], items: Iterable[Row | Reading]
) -> Diagnostic | None:
    """E404 where statistics over all tensors are asked for by names of two kinds.

    They are taken once, by the names of one export; masks below them are drawn for names.
    """
    known = {(barrier.key, each.tensor) for barrier in barriers for each in barrier.readings}
    for item in items:
        if not item.program.barriers:
            continue
        for call, site in zip(item.program.calls, sites_of(item), strict=True):
            if call.barrier is None or (call.barrier, site) in known:
                continue
            node = call.barrier[0]
            names = [each.tensor for b in barriers if b.key == call.barrier for each in b.readings]
            if not names:
                continue  # a mistake was found there
            return Diagnostic(
                "E404",
                f"the tensors of this `{elaborated.graph.node(node).op}` are asked for by names of "
                "two kinds",
                elaborated.places.nodes.get(node),
                f"`{site}` is asked for, beside `{names[0]}`",
                notes=("all tensors are one vector here, by the names of one export",),
                help=("give all exports names of one kind by `rename`, or write two specs",),
            )
    return None
