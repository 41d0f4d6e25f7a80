"""The LALR parser, from tables that were built beforehand.

To build them takes a tenth of a second in every process; lark's own cache is a pickle in a shared
folder, which mergec never opens. So `build_tables.py` writes them as JSON beside the grammar.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark

TABLES = Path(__file__).with_name("_tables.json")


@cache
def load_parser() -> Lark:
    """The parser of one statement; takes about 10 ms once in a process."""
    stored = json.loads(TABLES.read_text("utf-8"), object_pairs_hook=_integer_keys)
    # lark offers the way back from its serialised form publicly for pickles only, and untyped.
    parser: Lark = Lark._load_from_dict(  # type: ignore[no-untyped-call]  # pyright: ignore[reportPrivateUsage]
        stored["data"], stored["memo"]
    )
    return parser


def _integer_keys(pairs: list[tuple[str, Any]]) -> dict[str | int, Any]:
    """State and rule numbers are keys in lark's tables; JSON has keys of text only."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}
