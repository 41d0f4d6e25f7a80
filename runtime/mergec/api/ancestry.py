"""Whether checkpoints seem to have a common ancestor: what `mergec inspect` asks of several."""

from collections.abc import Sequence

from mergec.api.comparison import unrelated
from mergec.api.inspection import Inspected
from mergec.backends import default_backend, get_backend, self_test
from mergec.diagnostics import Diagnostic
from mergec.execute.likeness import Kinship, kinship
from mergec.frozen import frozen
from mergec.shards.fetch import absent_shards, fetch


@frozen
class Ancestry:
    """The kinship of each checkpoint but the first with the first, and W705 for strangers."""

    kinships: tuple[Kinship, ...]
    warnings: tuple[Diagnostic, ...]


def can_be_sampled(found: Sequence[Inspected]) -> bool:
    """Whether all are models whose weights are on this machine, so that to look costs little."""
    checkpoints = [each.facts.checkpoint for each in found]
    return all(it.hub is None and it.stored is None and it.adapter is None for it in checkpoints)


def find_ancestry(found: Sequence[Inspected]) -> Ancestry:
    """Look at some megabytes of weights; those of models on a hub are fetched first.

    Raises E7xx and E8xx for files that cannot be read.
    """
    library = get_backend(default_backend())
    self_test(library)
    first, *others = found
    fetch(absent_shards(each.facts.checkpoint for each in found))
    kinships = [kinship(first.facts.checkpoint, it.facts.checkpoint, library) for it in others]
    warnings = [
        unrelated((first.reference, other.reference), kin)
        for other, kin in zip(others, kinships, strict=True)
        if kin.verdict == "unrelated"
    ]
    return Ancestry(tuple(kinships), tuple(warnings))
