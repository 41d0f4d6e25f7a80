"""Numbers, sizes and strings: from their text to exact values and back, in canonical form."""

import re
from fractions import Fraction

from mergec.syntax import limits

UNITS = {
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Bytes of each unit of size."""

# What a double can hold; whatever is larger is infinity to every kernel.
_TOO_LARGE = 2**1024
_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?([KMGT]i?B)?")
_PLAIN_EXPONENTS = range(-6, 21)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
_UNESCAPED = {written: char for char, written in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\.")


def number_problem(text: str) -> tuple[str, str] | None:
    """What is wrong with the number or size `text`, and the help; None if it is well written."""
    shown = f"`{text[:20]}...`" if len(text) > 40 else f"`{text}`"
    found = _NUMBER.fullmatch(text)
    if found is None:
        return f"{shown} is not a number", _shape_help(text)
    whole, decimals, exponent, unit = found.group(1, 2, 3, 4)
    if len(whole + (decimals or "")) > limits.DIGITS:
        return f"{shown} has more than {limits.DIGITS} digits", "write a number with fewer digits"
    if unit is not None and exponent is not None:
        return (
            f"{shown} is not a size",
            "write the count of a size without an exponent, as in `5GB`",
        )
    if exponent is not None and len(exponent.lstrip("+-0")) > len(str(limits.EXPONENT)):
        return _exponent_problem(shown)
    value = number_value(text) if unit is None else Fraction(0)
    if value >= _TOO_LARGE:
        return f"{shown} is too large", "write a number below 1.8e308"
    if value and not -limits.EXPONENT <= _leading_exponent(value) <= limits.EXPONENT:
        return _exponent_problem(shown)
    if exponent is not None and abs(int(exponent)) > limits.EXPONENT:
        return _exponent_problem(shown)
    if unit is not None and (size_count(text)[0] * UNITS[unit]).denominator != 1:
        return f"{shown} is not a whole number of bytes", "write a size in a smaller unit"
    return None


def number_value(text: str) -> Fraction:
    """The exact value of a well-written decimal literal."""
    return Fraction(text)


def size_count(text: str) -> tuple[Fraction, str]:
    """Count and unit of a well-written size: `1.5GB` → (3/2, `GB`)."""
    count = text.rstrip("KMGTiB")
    return Fraction(count), text[len(count) :]


def string_value(text: str) -> str:
    """The value of a string literal, quotes and escapes removed."""
    return _ESCAPE.sub(lambda found: _UNESCAPED[found.group()], text[1:-1])


def bad_escape(text: str) -> tuple[int, int] | None:
    """Where in the string literal `text` an escape stands that does not exist; None if nowhere."""
    for found in _ESCAPE.finditer(text):
        if found.group() not in _UNESCAPED:
            return found.span()
    return None


def number_text(value: Fraction) -> str:
    """The canonical literal of a number that is at least zero and has a finite decimal form.

    >>> number_text(Fraction("1e-3")), number_text(Fraction("0.30")), number_text(Fraction("2e30"))
    ('0.001', '0.3', '2e30')
    """
    digits, exponent = _decimal(value)
    leading = len(digits) - 1 + exponent
    if leading in _PLAIN_EXPONENTS:
        plain = _plain(digits, exponent)
        if len(plain.replace(".", "")) <= limits.DIGITS:
            return plain
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{leading}"


def string_text(value: str) -> str:
    """The literal of a string."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in value) + '"'


def _shape_help(text: str) -> str:
    if text.startswith("."):
        return f"write `0{text[:20]}`"
    if text.endswith("."):
        return f"write `{text[:-1][:20]}` or `{text[:20]}0`"
    if re.fullmatch(r"[0-9.]+[kmgtKMGT][iI]?[bB]?", text):
        return f"write a size with one of the units {', '.join(f'`{unit}`' for unit in UNITS)}"
    return "write a number as `3`, `0.3` or `1e-3`, and a size as `5GB` or `5GiB`"


def _exponent_problem(shown: str) -> tuple[str, str]:
    return (
        f"{shown} has an exponent beyond {limits.EXPONENT}",
        f"write an exponent between -{limits.EXPONENT} and {limits.EXPONENT}",
    )


def _leading_exponent(value: Fraction) -> int:
    digits, exponent = _decimal(value)
    return len(digits) - 1 + exponent


def _decimal(value: Fraction) -> tuple[str, int]:
    """`(digits, exponent)` with value = digits × 10^exponent and no zero at the end of digits."""
    if value < 0:
        raise ValueError("a literal has no sign; negate it")
    twos = (value.denominator & -value.denominator).bit_length() - 1
    fives, rest = 0, value.denominator >> twos
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        raise ValueError(f"{value} has no finite decimal form")
    shift = max(twos, fives)
    written = str(value.numerator * 10**shift // value.denominator)
    digits = written.rstrip("0") or "0"
    return digits, len(written) - len(digits) - shift if value else 0


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    padded = digits.rjust(1 - exponent, "0")
    return f"{padded[:exponent]}.{padded[exponent:]}"
