"""Scalars typed from their text, as YAML 1.1 and then mergekit type them, with a word on traps.

PyYAML reads YAML 1.1: `010` is 8, `1:30` is 90, `no` is false, `2024-01-01` a date, and `1e-3`, for
want of a dot, a text. mergekit 0.1.5 then turns texts into numbers and truth values where a
parameter takes them.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, Span, fail
from mergec.recipes.yaml_tree import Items, Members, Scalar, Tree

Report = Callable[[Diagnostic], None]

_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "yes", "on", "t", "y", "1")
_FALSE = ("false", "no", "off", "f", "n", "0")
_TRAP_BOOL = re.compile(r"yes|no|on|off|true|false", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_OTHER_BASE = re.compile(r"[-+]?0(x[0-9a-fA-F_]+|b[01_]+)")
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DECIMAL = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_YAML_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|nan|infinity)", re.IGNORECASE)
# What a literal of a spec may have; see the limits of the language.
_DIGITS, _EXPONENT = 40, 300
# A longer text is no number, and looking for one in it takes the square of its length.
_LONGEST = 400


def is_null(tree: Tree) -> bool:
    """Whether this says that there is no value."""
    return isinstance(tree, Scalar) and tree.plain and tree.text in _NULL


def kind_of(tree: Tree) -> str:
    """What a value is, for messages."""
    match tree:
        case Items():
            return "a list"
        case Members():
            return "a mapping"
        case Scalar():
            return "nothing" if is_null(tree) else quoted(tree.text)


def text_of(tree: Tree, what: str, report: Report) -> str:
    """A text; E908 for anything else. A trap where YAML would have made something else of it."""
    if not isinstance(tree, Scalar) or is_null(tree):
        raise wrong(tree, what, "a text")
    seen = _yaml_kind(tree.text) if tree.plain else None
    if seen is not None:
        trap(tree.span, f"YAML reads {quoted(tree.text)} as {seen}; it is taken as text", report)
    return tree.text


def number_of(tree: Tree, what: str, report: Report) -> Fraction:
    """A number, as mergekit comes to it; E908 for what is none."""
    if not isinstance(tree, Scalar) or is_null(tree):
        raise wrong(tree, what, "a number")
    text = tree.text.strip()
    if len(text) > _LONGEST:
        raise wrong(tree, what, "a number")
    if tree.plain and _TRAP_BOOL.fullmatch(text):
        value = Fraction(text.lower() in _TRUE)
        trap(
            tree.span, f"{quoted(text)} is a truth value, which mergekit counts as {value}", report
        )
        return value
    if tree.plain and (_OCTAL.fullmatch(text) or _OTHER_BASE.fullmatch(text)):
        value = _of_base(text)
        if text.lstrip("+-0").isdigit() and abs(value) != int(text.lstrip("+-0")):
            trap(tree.span, f"YAML reads {quoted(text)} as {value}, and so does mergekit", report)
        return value
    if tree.plain and _SIXTIES.fullmatch(text):
        value = _of_sixties(text)
        shown = f"{float(value):g}"
        trap(tree.span, f"YAML reads {quoted(text)} in sixties, as {shown}", report)
        return value
    if not _DECIMAL.fullmatch(text):
        raise wrong(tree, what, "a number")
    if tree.plain and "e" in text.lower() and not _YAML_FLOAT.fullmatch(text):
        note = f"YAML reads {quoted(text)} as text; mergekit 0.1.5 makes a number of it again"
        trap(
            tree.span, note, report, "older versions stop here: write `1.0e-3`, with a dot and sign"
        )
    return _decimal(text, tree, what)


def whole_of(tree: Tree, what: str, report: Report) -> int:
    """A whole number; E908 for anything else."""
    value = number_of(tree, what, report)
    if value.denominator != 1:
        raise wrong(tree, what, "a whole number")
    return int(value)


def bool_of(tree: Tree, what: str, report: Report) -> bool:
    """A truth value, by any of the words that YAML or mergekit takes for one; E908 for others."""
    word = tree.text.strip().lower() if isinstance(tree, Scalar) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if (
        0 < len(word) <= _LONGEST
        and _DECIMAL.fullmatch(word)
        and number_of(tree, what, report) in (0, 1)
    ):
        return number_of(tree, what, report) == 1
    raise wrong(tree, what, "`true` or `false`")


def wrong(tree: Tree, what: str, expected: str) -> MergecError:
    """E908: a value of another kind than is `expected`."""
    return fail(
        "E908", f"{quoted(what)} must be {expected}, not {kind_of(tree)}", tree.span, help=()
    )


def trap(
    span: Span,
    message: str,
    report: Report,
    hint: str = "put it in quotes, or write it so \
that it can be read in one way only",
) -> None:
    """W903."""
    report(Diagnostic("W903", message, span, help=(hint,)))


def _yaml_kind(text: str) -> str | None:
    """What YAML 1.1 takes a plain scalar for, if not for text."""
    if len(text) > _LONGEST:
        return None
    if _TRAP_BOOL.fullmatch(text):
        return "a truth value"
    if _DATE.fullmatch(text):
        return "a date"
    numbers = (_OCTAL, _OTHER_BASE, _SIXTIES, _WHOLE, _YAML_FLOAT)
    return "a number" if any(each.fullmatch(text) for each in numbers) else None


def _of_base(text: str) -> Fraction:
    plain = text.replace("_", "")
    base = {"x": 16, "b": 2}.get(plain.lstrip("+-")[1:2].lower(), 8)
    return Fraction(int(plain, base))


def _of_sixties(text: str) -> Fraction:
    plain = text.replace("_", "").lstrip("+-")
    total = Fraction(0)
    for part in plain.split(":"):
        total = total * 60 + Fraction(part.rstrip(".") or "0")
    return -total if text.startswith("-") else total


def _decimal(text: str, tree: Tree, what: str) -> Fraction:
    plain = text.replace("_", "")
    digits = re.sub(r"[eE].*", "", plain).strip("+-").replace(".", "").strip("0")
    exponent = re.search(r"[eE]([-+]?[0-9]+)$", plain)
    if len(digits) > _DIGITS or (exponent and abs(int(exponent[1][:8])) > _EXPONENT):
        raise wrong(tree, what, f"a number of at most {_DIGITS} digits")
    mantissa = re.sub(r"[eE].*", "", plain)
    mantissa = f"{mantissa}0" if mantissa.endswith(".") else mantissa
    return Fraction(mantissa) * Fraction(10) ** int(exponent[1] if exponent else 0)
