"""Laws in words and in symbols."""

from mergec.ops import Law
from mergec.verify.claims import CLAIMS


def law_in_words(law: Law) -> str:
    """One sentence without a period."""
    words = CLAIMS[law.name].words
    return words if law.holds else f"this is false, and a counterexample must be found: {words}"


def law_in_symbols(operator: str, law: Law) -> str:
    """The formula, with what f stands for."""
    if law.sides is not None:
        return law.label
    settings = law.settings
    which = f"f = {operator}{f' at {settings}' if settings else ''}"
    return f"{CLAIMS[law.name].symbols}, {which}"
