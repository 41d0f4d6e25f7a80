"""A tape as a formula, for reviewers: what a plugin's operator computes."""

from collections import Counter

from mergec.plugin.tape import Arg, Operation, Ref, Tape

_SIGNS = {
    **{"add": "+", "subtract": "-", "multiply": "*", "divide": "/"},
    **{"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="},
    **{"equal": "==", "not_equal": "!=", "and": "&", "or": "|", "xor": "^"},
}
_SHOWN, _WIDEST = 24, 400


def print_tape(tape: Tape) -> list[str]:
    """Lines `v1 = ...` for what is used more than once, and `out = ...`; operands are x1, x2 ...

    A long tape ends in a line that counts what is left out.
    """
    uses = Counter(ref for each in tape.operations for ref in each.refs)
    texts = {i: f"x{i + 1}" for i in range(tape.inputs)}
    lines: list[str] = []
    for index, each in enumerate(tape.operations, tape.inputs):
        text = _shortened(_text(each, texts))
        if index != tape.result and uses[index] > 1 and each.args:
            lines.append(f"v{len(lines) + 1} = {text}")
            text = f"v{len(lines)}"
        texts[index] = text
    lines.append(f"out = {texts[tape.result]}")
    if len(lines) > _SHOWN:
        left = len(lines) - _SHOWN + 1
        lines = [*lines[: _SHOWN - 1], f"... and {left} lines more"]
    return lines


def _text(each: Operation, texts: dict[int, str]) -> str:
    args = [_argument(arg, texts) for arg in each.args]
    sign = _SIGNS.get(each.name)
    if sign is not None:
        left, right = (_bracketed(arg) for arg in args)
        return f"{left} {sign} {right}"
    if each.name == "negative":
        return f"-{_bracketed(args[0])}"
    if each.name == "not":
        return f"~{_bracketed(args[0])}"
    return f"{each.name}({', '.join(args)})" if args else each.name


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _argument(arg: Arg, texts: dict[int, str]) -> str:
    if isinstance(arg, Ref):
        return texts[arg.index]
    short = arg == int(arg) and abs(arg) < 10**6 and str(arg) != "-0.0"
    return str(int(arg)) if short else repr(arg)


def _bracketed(text: str) -> str:
    """In brackets if an operator would part it."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if (char == " " and depth == 0) or (char == "-" and place == 0):
            return f"({text})"
    return text
