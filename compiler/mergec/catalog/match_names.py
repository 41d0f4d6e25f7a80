"""Matching tensor names that differ by a prefix, such as `bert.` in one parent and not in another.

>>> from mergec.catalog.checkpoint import TensorName
>>> demanded = [TensorName("bert.pooler.weight"), TensorName("bert.pooler.bias")]
>>> found = match_names(demanded, [TensorName("pooler.weight"), TensorName("pooler.bias")])
>>> found.rule, found.names[demanded[0]]
('`bert.*` -> `*`', 'pooler.weight')
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from mergec.catalog.checkpoint import TensorName
from mergec.frozen import frozen

# How many dotted parts a prefix may have; `base_model.model.model.` has three.
MAX_PREFIX_PARTS = 4


@frozen
class NameMap:
    """Where the demanded tensors are found in a checkpoint.

    `names` leads from each demanded name that is found to the name it has there. `rule` is the
    prefix rule in use, as `` `bert.*` -> `*` ``, from demanded to available names; None for names
    taken as they are. `missing` lists the demanded names that stay without a tensor, in the order
    of demand. `ambiguous` lists the rules, two or more, of which each alone would find every
    tensor; none of them is then in use.
    """

    names: Mapping[TensorName, TensorName]
    rule: str | None
    missing: tuple[TensorName, ...]
    ambiguous: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every demanded tensor is found."""
        return not self.missing


def match_names(demanded: Sequence[TensorName], available: Collection[TensorName]) -> NameMap:
    """Find each of `demanded` under its own name or, where that fails, by one prefix rule.

    A name that exists is always taken as it is. The others are matched by stripping or adding one
    dotted prefix, the same for all of them, so that no two demanded names meet in one tensor. If
    exactly one rule finds them all it is used; if several do, none is. If no rule finds them all,
    the one that finds the most is used, provided that it is alone in that, and the rest is missing.

    Cost: one pass over both collections, times the few dotted parts of a name.
    """
    held = set(available)
    own = {name: name for name in demanded if name in held}
    lost = [name for name in demanded if name not in held]
    if not lost:
        return NameMap(own, rule=None, missing=(), ambiguous=())
    proposals = _proposals(lost, held, taken=set(own))
    most = max(map(len, proposals.values()), default=0)
    best = sorted(rule for rule, found in proposals.items() if len(found) == most)
    if len(best) != 1:
        rival = tuple(best) if most == len(lost) else ()
        return NameMap(own, rule=None, missing=tuple(lost), ambiguous=rival)
    mapped = own | proposals[best[0]]
    names = {name: mapped[name] for name in demanded if name in mapped}
    missing = tuple(name for name in lost if name not in mapped)
    return NameMap(names, rule=best[0], missing=missing, ambiguous=())


def _proposals(
    lost: Sequence[TensorName], held: set[TensorName], taken: set[TensorName]
) -> dict[str, dict[TensorName, TensorName]]:
    """For each rule that keeps tensors apart, the lost names it finds."""
    found: defaultdict[str, dict[TensorName, TensorName]] = defaultdict(dict)
    for name in lost:
        for prefix, rest in _splits(name):
            if rest in held:
                found[f"`{prefix}*` -> `*`"][name] = rest
    wanted = set(lost)
    for name in held:
        for prefix, rest in _splits(name):
            if rest in wanted:
                found[f"`*` -> `{prefix}*`"][rest] = name
    # One prefix never sends two names to one tensor; it can only hit one that is in use.
    return {rule: names for rule, names in found.items() if taken.isdisjoint(names.values())}


def _splits(name: TensorName) -> Iterator[tuple[str, TensorName]]:
    """Each way to cut `name` after a dot, up to `MAX_PREFIX_PARTS` parts in front."""
    cut = 0
    for _ in range(MAX_PREFIX_PARTS):
        cut = name.find(".", cut) + 1
        if not cut or cut == len(name):
            return
        yield name[:cut], TensorName(name[cut:])
