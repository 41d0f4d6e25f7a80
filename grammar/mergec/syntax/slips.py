"""The slips that people make most, recognised by where the grammar stopped; each with its help."""

import re
from collections.abc import Set

from mergec.frozen import frozen
from mergec.syntax.literals import UNITS
from mergec.syntax.scan import STATEMENTS

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
SHOWN = 40
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "STACK", "AND", "OR", "_PIPE"})

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "in")
_MATCH = "`match { attn => 0.3, else => 0.5 }`"
_RENAMING = '`"model.*" => "*"`'
_VALUE = "write `=` between a name and its value"


@frozen
class Place:
    """Where the grammar stopped: the text there (empty at the end), before and after it.

    `accepted` are the terminals that might stand there, `statement` is the statement's first word.
    """

    found: str
    before: str
    after: str
    accepted: Set[str]
    statement: str
    column_1: bool
    first_in_line: bool

    @property
    def word(self) -> bool:
        """Whether a word stands there."""
        return WORD.fullmatch(self.found) is not None

    @property
    def names(self) -> bool:
        """Whether a name of the user's own choice may stand there."""
        piped = self.before.endswith("|>")
        return "NAME" in self.accepted and "BANG" not in self.accepted and not piped

    @property
    def begins_operand(self) -> bool:
        """Whether what stands there could begin an operand."""
        return self.word or self.found[:1].isdigit() or self.found[:1] in tuple('("[')


def slip(place: Place) -> str | None:
    """The help for the slip at `place`, if it is one that is known."""
    for recognise in (_line, _statement, _range, _arm, _condition, _sum, _word, _other):
        hint = recognise(place)
        if hint is not None:
            return hint
    return None


def begins_expression(accepted: Set[str]) -> bool:
    """Whether an expression may stand where `accepted` may."""
    return accepted >= {"NUMBER", "LSQB", "TRUE"}


def short(text: str) -> str:
    """`text`, or as much of it as a message has room for."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _line(place: Place) -> str | None:
    """Statements that begin where none can."""
    named = place.word and re.match(r"=(?![=>])", place.after)
    if place.found == "mergec" and place.column_1:
        return "write the edition alone in the first line of the file: `mergec 1`"
    indented = place.first_in_line and not place.column_1
    if (named or place.found in STATEMENTS) and indented:
        return "if a statement begins here, remove the spaces before it; it begins in column 1"
    if place.word and place.column_1 and place.accepted & OPERATORS:
        return f"if a statement begins here, write `{short(place.found)} = ...`"
    return None


def _statement(place: Place) -> str | None:
    match place.statement:
        case "param":
            return _param(place)
        case "def":
            return _def(place)
        case "use":
            return _use(place)
        case "require":
            return _require(place)
        case _:
            return None


def _param(place: Place) -> str | None:
    if place.accepted == {"COLON"}:
        head = f"param {short(_last_word(place.before))}"
        if place.word:
            return f"write `:` before the type, as in `{head}: {short(place.found)}`"
        value = re.split(r"\s", place.after, maxsplit=1)[0] if place.found == "=" else ""
        kind = "text" if value.startswith('"') else "number"
        kind = "bool" if value in ("true", "false") else kind
        value = f" = {value}" if value else ""
        return f"write the type after the name, as in `{head}: {kind}{value}`"
    if place.accepted == {"NAME"} and place.before.endswith(":"):
        return "write a type: `number`, `int`, `text`, `bool` or `model`"
    bounded = place.accepted & {"_FROM", "_TO"}
    if bounded and (place.found in ("to", "in", "..", "[") or "_TO" in place.accepted):
        return "write both bounds, as in `from 0 to 1`"
    return None


def _def(place: Place) -> str | None:
    if place.accepted == {"LPAR"}:
        name = short(_last_word(place.before))
        return f"write the operands in brackets, as in `def {name}(a, b) = ...`"
    if place.accepted == {"EQUAL"}:
        return "write `=` before what the macro stands for, as in `def f(a, b) = ...`"
    if place.found == ";" and "COMMA" in place.accepted:
        return "write `,` here"
    if place.found == "." and "COMMA" in place.accepted and "PLUS" not in place.accepted:
        return "write a name without a dot"
    return None


def _use(place: Place) -> str | None:
    if place.accepted == {"STRING"} and place.word:
        return f'write the path as a string: `use "{short(place.found)}" as name`'
    if place.accepted == {"_AS"}:
        path = re.search(r"([A-Za-z_][A-Za-z0-9_]*)(?:\.merge)?\"\Z", place.before)
        name = path.group(1) if path else "name"
        return f"give the spec a name to read it by: `as {short(name)}`"
    if place.found.startswith('"') and place.accepted == {"NAME"}:
        return "write the name without quotes"
    return None


def _require(place: Place) -> str | None:
    inside = place.accepted & {"RPAR", "RSQB", "RBRACE"}
    if place.found == "=" and "COMPARISON" in place.accepted and not inside:
        return "write `==` to compare"
    if place.found == "not" and re.match(r"in\b", place.after):
        return "write `not` before the comparison, as in `not x in [...]`"
    reason = place.accepted == {"STRING"} or ("COMMA" in place.accepted and not inside)
    if reason and not place.found:
        return 'add the reason, as in `require finite(child), "no weight is broken"`'
    if reason and place.word:
        if place.accepted == {"STRING"}:
            return 'write the reason in quotes, as in `"no weight is broken"`'
        return "write `and` or `or` between conditions"
    return None


def _range(place: Place) -> str | None:
    """What stands in `a[...]` and `layers(...)`."""
    if place.found == ".." and "DOTS" not in place.accepted:
        return "a range of layers stands in brackets, as in `a[0..24]` and `layers(0..24)`"
    if place.before.endswith("..") and place.found in ("]", ")"):
        return "write a bound before or after `..`, as in `0..24`, `24..` or `..8`"
    if "DOTS" not in place.accepted:
        return None
    if place.found == "-" and place.accepted != {"DOTS"}:
        return "layers are counted from 0; write a range such as `0..24`, `24..` or `..8`"
    if place.accepted != {"DOTS"}:
        after = re.match(r"\w+", place.after)
        last = short(after.group()) if after and place.found == ":" else "24"
        return f"write a range of layers, as in `{'' if place.found == ':' else '0'}..{last}`"
    low = _last_word(place.before)
    if place.found in ("]", ")"):
        high = str(int(low) + 1) if low.isdecimal() else f"({short(low)} + 1)"
        return f"write a range of layers, as in `{short(low)}..{high}`"
    if place.found in (":", ",", "-", ".", "to"):
        after = re.match(r"\w+", place.after)
        return f"write a range with `..`, as in `{short(low)}..{short(after[0]) if after else ''}`"
    return "put brackets around a bound that is computed, as in `0..(n + 1)`"


def _arm(place: Place) -> str | None:
    """What stands in `match`, `select` and `rename`."""
    selector = bool(place.accepted & {"AMPERSAND", "VBAR"})
    if place.accepted == {"LBRACE"}:
        return f"write the arms in braces, as in {_MATCH}"
    if selector and place.found in ("and", "&&"):
        return "write `&` between selectors"
    if selector and place.found == "or":
        return "write `|` between selectors"
    if selector and re.search(r"\bnot\Z", place.before):
        return f"write `!` before a selector, as in `!{short(place.found)}`"
    if "_ARROW" in place.accepted:
        if place.found in ("=", ":", "-", ">", ">=", "<="):
            return "write `=>` here"
        if place.found == "," and selector:
            return "write `|` between selectors that share a value"
        if selector:
            return f"write `=>` between a selector and its value, as in {_MATCH}"
        if place.before.endswith('"') and place.found in (",", ")"):
            return f"write what the names become, as in {_RENAMING}"
        return "write `=>` here"
    if "BANG" in place.accepted and place.found == "}":
        return f"write at least one arm, as in {_MATCH}"
    if "BANG" in place.accepted:
        return 'write a role such as `attn`, `layers(0..8)`, or a pattern in quotes as `"*.norm.*"`'
    return _view(place)


def _view(place: Place) -> str | None:
    """What stands in `select` and `rename`, beside selectors."""
    views = re.findall(r"\b(select|rename)\s*\(", place.before)
    if not views:
        return None
    if place.accepted == {"STRING"}:
        return f"write names of tensors as strings, as in {_RENAMING}"
    if place.found == ")" and "COMMA" in place.accepted:
        wanted = "attn & !bias" if views[-1] == "select" else '"model.*" => "*"'
        return f"write what it does after the operand, as in `{views[-1]}(x, {wanted})`"
    if place.accepted == {"RPAR"} and place.before.endswith(","):
        return f"the pipe gives `{views[-1]}` its operand; write only what follows it"
    return None


def _condition(place: Place) -> str | None:
    operators = place.accepted & OPERATORS
    if place.found in _COMPARISONS and operators and "COMPARISON" not in place.accepted:
        return "comparisons do not chain; write `a < b and b < c`"
    if place.found == "!" and begins_expression(place.accepted):
        return "write `not` before a condition"
    if place.found == "&" and operators:
        return "write `and` between conditions"
    if place.found == "|" and operators:
        return "write a pipe as `|>`, and `or` between conditions"
    return None


def _sum(place: Place) -> str | None:
    """Sums, stacks and spreads."""
    if place.found == "++":
        return "put brackets where `+` or `-` meets `++`, as in `(a + b) ++ c`"
    if place.found in ("+", "-") and "STACK" in place.accepted:
        return f"put brackets where `++` meets `{place.found}`, as in `(a ++ b) {place.found} c`"
    if place.found == "*" and begins_expression(place.accepted):
        return "operands are spread in calls only, as in `f(a, *rest)`"
    if place.found == ".":
        return "write a name of another spec with one dot and no spaces, as in `common.base`"
    return None


def _word(place: Place) -> str | None:
    """Calls, names and strings."""
    if place.before.endswith("|>"):
        return "write a call after a pipe, as in `x |> f()`"
    if place.accepted == {"LPAR"}:
        return f"write `{_last_word(place.before)}()`; a pipe goes into a call"
    if place.accepted == {"EQUAL"}:
        return _VALUE
    if place.accepted == {"STRING"} and re.search(r"\bas\Z", place.before):
        name = place.found if place.word else "name"
        return f'write the name as a string: `as "{short(name)}"`'
    if place.found.startswith('"') and "_AS" in place.accepted:
        return f"write `as {short(place.found)}`"
    if place.found in UNITS and place.before[-1:].isdigit():
        return f"write the size in one word: `{_last_word(place.before)}{place.found}`"
    return None


def _other(place: Place) -> str | None:
    if place.found == "==" and not place.accepted:
        return "write one `=` to bind a name"
    if place.found == "=>" or (place.found == ":" and "EQUAL" in place.accepted):
        return _VALUE
    if (place.begins_operand or place.found == "else") and "COMMA" in place.accepted:
        return f"write `,` before `{short(place.found)}`"
    return None


def _last_word(text: str) -> str:
    match = re.search(r"[\w.]+\Z", text)
    return match.group() if match else "f"
