"""Makes foreign text safe and predictable to print: escapes, and widths in terminal cells."""

import unicodedata

# Printed as escapes, because a terminal would obey them or reorder the line: controls, surrogates,
# line separators, and every format character (the bidirectional controls are among these).
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co"})
_NO_WIDTH_CATEGORIES = frozenset({"Mn", "Me"})
_TAB = "    "


def escape(text: str) -> str:
    r"""`text` on one line, with everything that a terminal would act upon written as `\u{1b}`."""
    return "".join(escape_char(char) for char in text)


def escape_char(char: str) -> str:
    """One character as it is printed; a tab becomes four spaces, so that columns stay aligned."""
    if char == "\t":
        return _TAB
    if " " <= char <= "~":
        return char
    if unicodedata.category(char) in _ESCAPED_CATEGORIES:
        return f"\\u{{{ord(char):x}}}"
    return char


def cells(printed: str) -> int:
    """How many terminal cells `printed` takes: 2 for wide characters, 0 for combining marks."""
    if printed.isascii():
        return len(printed)
    return sum(_char_cells(char) for char in printed)


def _char_cells(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH_CATEGORIES:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
