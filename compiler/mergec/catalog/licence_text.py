"""The licence that a file beside the weights is the text of, where it is one and nothing else.

By the templates of SPDX, as `licenseclassifier` has them: nothing is told of a text that is only
like one. What templates leave open, names and years, is where other terms could hide, so lines of
copyright are looked at first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mergec.catalog.folder import Folder
from mergec.catalog.licence import Licence, read_statements
from mergec.catalog.licence_ids import licence_key
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError

_FILE = re.compile(r"(licen[cs]e|copying)(\.(txt|md|rst))?", re.IGNORECASE)
_OTHER_FILES = re.compile(r"(licen[cs]e|copying)", re.IGNORECASE)
# The longest text of a licence in use, that of the GPL, has 35 KB.
_MAX_BYTES = 64 << 10
_YEAR = r"[\[<{]?(?:\d{4}|y{2,4})"
_COPYRIGHT = re.compile(
    rf"^[ \t]*(?:copyright[ \t]*(?:\(c\)|©|{_YEAR})|(?:\(c\)|©)[ \t]*{_YEAR})[^\n]*$"
    r"|^[^\w\n]*all rights reserved[^\w\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_BEGINS_SO = re.compile(r"\W*(?:copyright\b|\(c\)|©)", re.IGNORECASE)
_TERMS = re.compile(
    r"\b(?:may|must|not|no|only|shall|unless|except|provided|if|use|used|grant\w*|permi\w+|licen\w+)\b",
    re.IGNORECASE,
)
_MOST_WORDS = 16
_HEAD = 40  # lines
# Around a text its title may stand, and nothing else.
_TITLE = frozenset(
    {"the", "a", "open", "source", "software", "license", "licence", "version"}
    | {"new", "revised", "simplified", "modified"}
)
# Of these the text alone does not say whether later versions hold as well.
_UNCLEAR = re.compile(r"(?:a|l)?gpl-|gfdl-")


def licence_beside(
    folder: Folder,
    small: Sequence[str],
    config: Mapping[str, Any] | None,
    warn: Callable[[Diagnostic], None],
) -> Licence | None:
    """The licence of a checkpoint: of its card, else of config.json, else by a licence file's text.

    W512 where two of them state different ones; the first counts.
    """
    said = read_statements(folder.path / "README.md", folder.open, config)
    found = _beside(folder, small)
    file, by_text = found if found is not None else ("", None)
    stated = {"README.md": said.card, "config.json": said.config, file: by_text}
    known = {where: licence for where, licence in stated.items() if licence is not None}
    for where, licence in [*known.items()][1:]:
        first = next(iter(known))
        if _differ(known[first], licence):
            warn(_contradiction(folder, (first, known[first]), (where, licence)))
            break
    return said.card or said.config or (by_text if said.silent and _is_clear(by_text) else None)


@lru_cache(maxsize=64)
def licence_of_text(text: str) -> str | None:
    """The `licence_key` of a text that is one licence and nothing else.

    >>> licence_of_text("This is under the MIT License.") is None
    True
    """
    from licenseclassifier import identify_license  # here alone: it reads its templates, 30 ms

    plain = _without_names(text)
    regions = identify_license(plain, coverage_threshold=0.0) if plain else []
    if len(regions) != 1:
        return None
    region = regions[0]
    if _BEGINS_SO.match(plain[region.start : region.end]):
        return None
    around = plain[: region.start] + " " + plain[region.end :]
    words = set(re.findall(r"[^\W_]+", around.lower()))
    named = {*re.split(r"[^a-z0-9]+", region.id.lower())}
    return licence_key(region.id) if words <= _TITLE | named else None


def _without_names(text: str) -> str:
    """The text without the lines of copyright at its head; nothing where such a line says more."""
    for line in _COPYRIGHT.findall(text):
        if _TERMS.search(line) or len(line.split()) > _MOST_WORDS:
            return ""
    lines = text.split("\n")
    head = [line for line in lines[:_HEAD] if not _COPYRIGHT.match(line)]
    return "\n".join([*head, *lines[_HEAD:]])


def _beside(folder: Folder, small: Sequence[str]) -> tuple[str, Licence] | None:
    """The only licence file, and what it is the text of."""
    files = [name for name in small if _OTHER_FILES.match(name)]
    if len(files) != 1 or not _FILE.fullmatch(files[0]):
        return None  # several: which of them holds for the weights would be a guess
    try:
        with folder.open(folder.path / files[0]) as file:
            raw = file.read(0, file.size) if file.size <= _MAX_BYTES else b""
    except MergecError:
        return None
    key = licence_of_text(raw.decode("utf-8", "replace").replace("\r\n", "\n"))
    return (files[0], Licence(key, stated_in="file")) if key is not None else None


def _is_clear(licence: Licence | None) -> bool:
    return licence is not None and not _UNCLEAR.match(licence.key)


def _differ(one: Licence, other: Licence) -> bool:
    """Whether two statements cannot both hold; expressions and own terms may be either."""
    keys = [re.sub(r"-(only|or-later)$", "", licence.key) for licence in (one, other)]
    open_ = any(" " in key or key in ("other", "unknown") or "licenseref" in key for key in keys)
    return not open_ and keys[0] != keys[1]


def _contradiction(
    folder: Folder, first: tuple[str, Licence], other: tuple[str, Licence]
) -> Diagnostic:
    says = "is the text of" if other[1].stated_in == "file" else "states"
    return Diagnostic(
        "W512",
        f"{quoted(first[0])} of {quoted(folder.path)} states the licence {quoted(first[1].id)}, and"
        f" {quoted(other[0])} {says} {quoted(other[1].id)}",
        None,
        notes=(f"what {quoted(first[0])} states is taken for the model's licence",),
        help=("ask its authors which of them holds",),
    )
