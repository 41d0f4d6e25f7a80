"""Plugin files that the tests of plugins load."""

from pathlib import Path

SOFTMEAN = '''\
"""Averages that lean."""

from mergec.plugin import equation, law, operator, parameter


@operator(
    name="softmean",
    revision=1,
    interface=1,
    takes="base and deltas",
    operands=(1, None),
    parameters=[parameter("sharpness", "how much larger entries count", default=1, lo=0)],
    laws=[
        law("permutation_invariant", tolerance=1e-6),
        law("odd"),
        law("scale_equivariant"),
        law("untouched_keeps_base"),
        equation("softmean(a - base, b - base; sharpness=0)", "linear(a - base, b - base)"),
        equation("softmean(a - base, b - base)", "linear(a - base, b - base)", holds=False),
    ],
    order_free=True,
)
def softmean(xp, *deltas, sharpness):
    """Average the deltas, larger entries counting for more.

    Formula    y = base + sum of w x / sum of w
    """
    total = sum(abs(x) for x in deltas)
    total = xp.where(total == 0, 1, total)
    weights = [1 + sharpness * (abs(x) / total) for x in deltas]
    return sum(w * x for w, x in zip(weights, deltas)) / sum(weights)
'''

SAMENORM = '''\
from mergec.plugin import law, operator, parameter


@operator(
    name="samenorm",
    revision=3,
    interface=1,
    takes="models",
    operands=(2, 2),
    parameters=[parameter("t", "position", lo=0, hi=1)],
    laws=[law("endpoints")],
)
def samenorm(xp, a, b, *, t):
    """Interpolate two tensors, and interpolate their norms."""
    if t in (0, 1):
        return b if t else a
    mix = (1 - t) * a + t * b
    norms = [xp.sqrt(xp.sum(xp.square(x))) for x in (a, b, mix)]
    wanted = (1 - t) * norms[0] + t * norms[1]
    return xp.where(norms[2] == 0, mix, mix * (wanted / norms[2]))
'''


def one(body: str, head: str = "", **declaration: str) -> str:
    """A plugin whose operator `mine` of one delta has this body."""
    said = {
        "name": '"mine"',
        "revision": "1",
        "interface": "1",
        "takes": '"delta"',
        "operands": "(1, 1)",
        **declaration,
    }
    settings = ", ".join(f"{name}={value}" for name, value in said.items())
    return (
        f"from mergec.plugin import equation, law, operator, parameter\n{head}\n"
        f"@operator({settings})\ndef mine(xp, x):\n"
        f'    """Change a delta."""\n    {body}\n'
    )


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path
