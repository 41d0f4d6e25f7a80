"""What a plan uses, in few words: operators with revisions, seeds, the numbers it computes in."""

from collections import Counter
from collections.abc import Sequence

from mergec.plan import Plan, Row
from mergec.plan.lock import operators

__all__ = ["actions", "exactness", "operators", "seeds", "work_dtypes"]


def seeds(plan: Plan) -> list[int]:
    """The seeds of what is drawn at random, each once; sorted."""
    drawn = (node.param("seed") for node in plan.written.nodes() if _has(node.params, "seed"))
    return sorted({seed for seed in drawn if isinstance(seed, int)})


def exactness(rows: Sequence[Row]) -> dict[str, int]:
    """How many tensors are of each class of exactness."""
    return dict(sorted(Counter(row.exactness for row in rows).items()))


def work_dtypes(rows: Sequence[Row]) -> dict[str, int]:
    """How many tensors are computed in each dtype; copies are in none."""
    computed = (row.work.word for row in rows if row.action == "merge")
    return dict(sorted(Counter(computed).items()))


def actions(rows: Sequence[Row]) -> dict[str, int]:
    """How many tensors are merged, cast and copied."""
    return dict(sorted(Counter(row.action for row in rows).items()))


def _has(params: Sequence[tuple[str, object]], name: str) -> bool:
    return any(key == name for key, _ in params)
