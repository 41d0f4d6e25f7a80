"""Laws as data: what an operator promises, for `mergec.verify` to test."""

from collections.abc import Mapping
from dataclasses import field

from mergec.frozen import frozen
from mergec.ir import Value


@frozen
class Law:
    """One claim about an operator.

    `name` is a claim the verifier knows; `params` are the operator parameters it is made at;
    `tolerance` is the relative error allowed, and 0 means bit for bit. A law that does not `hold`
    says what must be refuted, as a guard against checks that cannot fail. `sides` are the two
    expressions of an `equation`, `on` the kind of tensors that it is tried on.
    """

    name: str
    params: Mapping[str, Value] = field(default_factory=dict[str, Value])
    tolerance: float = 0.0
    holds: bool = True
    sides: tuple[str, str] | None = None
    on: str = ""

    @property
    def label(self) -> str:
        """What tells it from the others of its operator: `nested_masks(density=[1/4, 1/2])`.

        An equation is its two sides; of a law that must not hold the label says so.
        """
        if self.sides is not None:
            left, right = self.sides
            return f"{left} {'=' if self.holds else '!='} {right}"
        settings = self.settings
        return f"{'' if self.holds else 'not '}{self.name}{f'({settings})' if settings else ''}"

    @property
    def settings(self) -> str:
        """The parameters that it is claimed at, as a spec writes them."""
        return ", ".join(f"{name}={spelled(value)}" for name, value in self.params.items())


def equation(
    left: str, right: str, *, tolerance: float = 0.0, holds: bool = True, on: str = "dyadic"
) -> Law:
    """The law that two expressions of the language over `base`, `a`, `b` and `c` are equal.

    `on` is a kind of tensors: `dyadic`, where sums are exact, `coarse`, where ties are everywhere,
    `tame`, `adversarial`, `related`, whose deltas are dyadic and equal, opposite, parallel or zero,
    or `directional`, where they are nearly so. A second word restricts the shapes, which are any
    otherwise: `vector`, `row` (of a matrix), `matrix`, `square` or `single` (one element).
    """
    return Law("equation", tolerance=tolerance, holds=holds, sides=(left, right), on=on)


def spelled(value: Value) -> str:
    """A literal as a spec writes it; a rational as a quotient.

    >>> spelled((2, True))
    '[2, true]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(spelled(item) for item in value)}]"
    return str(value)
