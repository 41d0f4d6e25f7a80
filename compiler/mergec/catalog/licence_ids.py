"""Names of licences: what the hub calls them, and what SPDX does.

The hub writes SPDX identifiers in lower case, some shortened, and has names of its own for terms
that SPDX does not list.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

# The hub's short names of licences that SPDX calls otherwise, and the names that are met most, so
# that the whole list is read for others alone. Those that name several versions at once have no
# identifier: which version is meant would be a guess.
_SHORT: Mapping[str, str | None] = MappingProxyType(
    {
        "apache-2.0": "Apache-2.0",
        "bsd-3-clause": "BSD-3-Clause",
        "cc-by-4.0": "CC-BY-4.0",
        "cc-by-nc-4.0": "CC-BY-NC-4.0",
        "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
        "cc-by-sa-4.0": "CC-BY-SA-4.0",
        "mit": "MIT",
        "c-uda": "C-UDA-1.0",
        "lgpl-lr": "LGPLLR",
        "odbl": "ODbL-1.0",
        "odc-by": "ODC-By-1.0",
        "pddl": "PDDL-1.0",
        "bsd": None,
        "cc": None,
        "gfdl": None,
        "gpl": None,
        "lgpl": None,
    }
)
# Terms for models that the hub names and SPDX does not list.
OF_THE_HUB = frozenset(
    {
        "apple-amlr",
        "apple-ascl",
        "bigcode-openrail-m",
        "bigscience-bloom-rail-1.0",
        "bigscience-openrail-m",
        "creativeml-openrail-m",
        "deepfloyd-if-license",
        "fair-noncommercial-research-license",
        "gemma",
        "grok2-community",
        "h-research",
        "intel-research",
        "llama2",
        "llama3",
        "llama3.1",
        "llama3.2",
        "llama3.3",
        "llama4",
        "open-mdw",
        "openmdw-1.0",
        "openmdw-1.1",
        "openrail",
        "openrail++",
    }
)
"""Identifiers of the hub for terms of models."""

# Stated where nothing is: by cards that say so, and where no single name fits.
NO_LICENCE = frozenset({"unknown", "other"})
"""Identifiers of the hub that name no licence."""

_BETWEEN = " + "
_LONGEST = 200
_EXPRESSION = re.compile(r"[A-Za-z0-9(][A-Za-z0-9 .+()_-]*")


@lru_cache(maxsize=1024)
def spdx_expression(text: str) -> str | None:
    """The SPDX expression that `text` means, in SPDX's own spelling; None if it means none.

    `apache-2.0` is `Apache-2.0`, and `gpl-3.0`, which SPDX no longer uses, `GPL-3.0-only`.
    """
    known = text.lower()
    if known in _SHORT:
        return _SHORT[known]
    if known in OF_THE_HUB or known in NO_LICENCE:
        return None
    if len(text) > _LONGEST or not _EXPRESSION.fullmatch(text):
        return None
    return _parsed(text)


def licence_key(identifier: str, name: str | None = None) -> str:
    """One text for all spellings of a licence: `mit` for `MIT`, `gpl-3.0-only` for `GPL-3.0`.

    Terms that only a `name` tells apart become a reference, as SPDX writes those that it does not
    list: `licenseref-my-terms`. No name can make them look like a licence that it does.
    """
    if identifier.lower() == "other" and name:
        return f"licenseref-{re.sub('[^a-z0-9.]+', '-', name.lower()).strip('-')}"
    return (spdx_expression(identifier) or identifier).lower()


def licence_keys(text: str) -> str:
    """The keys in a text that joins several by ` + `, sorted as facts join them."""
    return _BETWEEN.join(sorted({licence_key(part) for part in text.split(_BETWEEN)}))


def unknown_licence(text: str) -> str | None:
    """The first of the identifiers joined in a text that nobody knows; None if all are known."""
    return next((part for part in text.split(_BETWEEN) if not is_licence(part)), None)


def is_licence(identifier: str) -> bool:
    """Whether the hub or SPDX knows this identifier, or it is a reference to other terms."""
    known = identifier.lower()
    named = known in OF_THE_HUB or known in NO_LICENCE or known in _SHORT
    reference = re.fullmatch(r"licenseref-[a-z0-9.-]+", known) is not None
    return named or reference or spdx_expression(identifier) is not None


def near_licence(identifier: str) -> str | None:
    """The identifier that a misspelt one is most like."""
    from difflib import get_close_matches

    known = [key.lower() for key in _licensing().known_symbols if "LicenseRef" not in key]
    close = get_close_matches(identifier.lower(), [*known, *OF_THE_HUB, *_SHORT], n=1)
    return close[0] if close else None


def _parsed(text: str) -> str | None:
    library = _library()
    try:
        parsed = _licensing().parse(text, validate=True)
    except (library.ExpressionError, library.ExpressionParseError, RecursionError):
        return None
    written = str(parsed.render()) if parsed is not None else ""
    # The library knows many more by such references, under names that are not SPDX's.
    return written if written and "LicenseRef" not in written else None


@lru_cache(maxsize=1)
def _licensing() -> Any:
    return _library().get_spdx_licensing()  # it reads its list: 70 ms, for who has a licence


def _library() -> Any:
    return import_module("license_expression")  # not imported by name, as it has no types
