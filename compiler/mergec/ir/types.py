"""What a value of the operator graph is: a point, a vector, or something in between."""

from fractions import Fraction

from mergec.frozen import frozen
from mergec.ir.schedule import Amount


@frozen
class ValueType:
    """The mass of a value: 1 for a Model, 0 for a Delta, anything else for a Blend.

    Weights are points of an affine space, task vectors are its vectors; the mass is the sum of the
    coefficients of the points in an expression, and may differ from tensor to tensor in the graph
    as written. `mass` is None for a Sign, the block of -1, 0, +1 that an election yields.
    """

    mass: Amount | None

    def __str__(self) -> str:
        if self.mass is None:
            return "Sign"
        if self.mass in (0, 1):
            return "Model" if self.mass else "Delta"
        return f"Blend({self.mass})"


MODEL = ValueType(Fraction(1))
DELTA = ValueType(Fraction(0))
SIGN = ValueType(None)
