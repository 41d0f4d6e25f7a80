"""What a user may have meant by a name that does not exist."""

from collections.abc import Iterable

_MAX_DISTANCE = 2
_MAX_LISTED = 8
# No known name is longer; a longer one is no typing mistake, and the distance costs its square.
_MAX_LENGTH = 64


def suggestion_help(name: str, known: Iterable[str], what: str) -> str:
    """The help line for an unknown `name`: the nearest known one, else the first eight known.

    `what` is a plural noun, such as `operators` or `parameters of `ties``.

    >>> suggestion_help("tise", ["ties", "dare", "slerp"], "operators")
    'did you mean `ties`?'
    >>> suggestion_help("median", ["ties", "dare"], "operators")
    'known operators: `ties`, `dare`'
    """
    names = list(dict.fromkeys(known))
    near = nearest(name, names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return f"there are no {what}"
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return f"known {what}: {', '.join(f'`{each}`' for each in names[:_MAX_LISTED])}{more}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name with the fewest typing mistakes to `name`, at most two; the first of equals.

    Letter case does not count. A mistake is a letter too many, too few, wrong, or swapped with the
    next one; a name of which nothing would be left is never near.

    >>> nearest("densty", ["density", "seed"])
    'density'
    >>> nearest("x", ["y"]) is None
    True
    """
    best: tuple[int, str] | None = None
    for each in known:
        distance = _distance(name.casefold(), each.casefold())
        allowed = min(_MAX_DISTANCE, max(len(name), len(each)) - 1)
        if distance <= allowed and (best is None or distance < best[0]):
            best = (distance, each)
    return None if best is None else best[1]


def _distance(a: str, b: str) -> int:
    """The optimal string alignment distance, or some number above the limit."""
    if abs(len(a) - len(b)) > _MAX_DISTANCE or max(len(a), len(b)) > _MAX_LENGTH:
        return _MAX_DISTANCE + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            cost = min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]
