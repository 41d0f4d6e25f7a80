"""A claim: a law's name and words, and the function that looks for a counterexample."""

from collections.abc import Callable

from mergec.frozen import frozen
from mergec.verify.law_case import Case


@frozen
class Claim:
    """What a law of this name says, in words and in symbols, and how one example of it is tried.

    `examples` is how many say enough, where one takes long. Called with a case it raises
    LawViolation if that is a counterexample.
    """

    name: str
    words: str
    symbols: str
    examples: int | None
    attempt: Callable[[Case], None]

    def __call__(self, case: Case) -> None:
        """Draw one example and judge it."""
        self.attempt(case)


def claim(
    words: str = "", symbols: str = "", *, examples: int | None = None
) -> Callable[[Callable[[Case], None]], Claim]:
    """Decorate a function of `mergec.verify.claims`: laws of its name claim what it tries.

    `words` are by default the first line of its docstring; `symbols` say the same as a formula,
    with f for the operator.
    """

    def register(attempt: Callable[[Case], None]) -> Claim:
        first_line = (attempt.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        said = words or first_line
        said = said[:1].upper() + said[1:]
        return Claim(attempt.__name__, said, symbols, examples, attempt)

    return register
