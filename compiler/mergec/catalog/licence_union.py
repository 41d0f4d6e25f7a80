"""Whether models under these licences may be one model, and what binds whoever publishes it.

By rule, from what is stated: advice for a person, and no judgement.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from mergec.catalog.licence import Licence
from mergec.catalog.licence_terms import Family, Terms, terms_of
from mergec.catalog.quoted import quoted
from mergec.frozen import frozen

# Licences of one work that allow its parts to go on under the other.
_INTO: Mapping[str, frozenset[str]] = {
    "lgpl-3.0-only": frozenset({"gpl-3.0-only", "agpl-3.0-only"}),
    "gpl-3.0-only": frozenset({"agpl-3.0-only"}),
    "gpl-3.0-or-later": frozenset({"gpl-3.0-only", "agpl-3.0-only"}),
    "gpl-2.0-or-later": frozenset({"gpl-3.0-only", "gpl-3.0-or-later", "gpl-2.0-only"}),
    "cc-by-sa-3.0": frozenset({"cc-by-sa-4.0"}),
    "cc-by-sa-4.0": frozenset({"gpl-3.0-only"}),
    "cc-by-nc-sa-3.0": frozenset({"cc-by-nc-sa-4.0"}),
    "mpl-2.0": frozenset({"gpl-3.0-only", "gpl-3.0-or-later", "gpl-2.0-or-later"}),
}


@frozen
class Finding:
    """What follows from the licences of the parents.

    `same`: all state one licence. `union`: several, and the child must heed all of them.
    `conflict`: two of them ask for what cannot both be done, or one forbids it. `unclear`: it
    cannot be told. `reasons` are clauses.
    """

    verdict: Literal["same", "union", "conflict", "unclear"]
    reasons: tuple[str, ...]


def licence_finding(parents: Mapping[str, Licence | None]) -> Finding:
    """The finding for these parents, by their labels."""
    keys = {label: key_of(licence) for label, licence in parents.items()}
    stated = sorted(set(keys.values()))
    terms = {key: terms_of(key) for key in stated}
    conflicts = (*_forbidden(terms), *_two_of_their_kind(terms), *_further(terms))
    if conflicts:
        return Finding("conflict", conflicts)
    unknown = [label for label, key in keys.items() if terms[key].family is Family.UNKNOWN]
    unclear = tuple(_unclear(label, keys[label]) for label in unknown)
    if len(stated) == 1 and stated != ["unknown"]:
        return Finding("same", unclear or (f"all parents are under {quoted(stated[0])}",))
    if unclear:
        return Finding("unclear", unclear)
    kinds = {each.family for each in terms.values()}
    if kinds == {Family.PERMISSIVE}:
        return Finding("union", ("all are permissive: heed what each of them asks",))
    strict = [key for key in stated if terms[key].family is not Family.PERMISSIVE]
    named = " and ".join(f"{quoted(key)} ({terms[key].family})" for key in strict)
    return Finding("union", (f"the child is bound by {named} as a whole",))


def key_of(licence: Licence | None) -> str:
    """What contracts and tables call it: `unknown` where none is stated."""
    return licence.key if licence is not None else "unknown"


def _forbidden(terms: Mapping[str, Terms]) -> Iterator[str]:
    for key, each in terms.items():
        if each.family is Family.NO_DERIVATIVES:
            yield f"`{key}` forbids publishing what is made from the model"


def _two_of_their_kind(terms: Mapping[str, Terms]) -> Iterator[str]:
    """Of licences that ask for themselves, one must be able to become the other."""
    same = [key for key, each in terms.items() if each.same]
    for number, one in enumerate(same):
        for other in same[number + 1 :]:
            if other not in _INTO.get(one, ()) and one not in _INTO.get(other, ()):
                yield f"`{one}` and `{other}` both ask that the child be under them alone"


def _further(terms: Mapping[str, Terms]) -> Iterator[str]:
    """A licence that asks for itself admits no conditions beside its own."""
    for key, each in terms.items():
        if not each.same:
            continue
        for other, conditions in terms.items():
            restricts = conditions.family in (Family.RESTRICTED, Family.NON_COMMERCIAL)
            if restricts and not conditions.same and not _allows(key, conditions):
                yield f"`{key}` admits no further conditions, and `{other}` has some"


def _allows(key: str, conditions: Terms) -> bool:
    return key.startswith("cc-by-nc-sa-") and conditions.family is Family.NON_COMMERCIAL


def _unclear(label: str, key: str) -> str:
    if key == "unknown":
        return f"{quoted(label)} states no licence"
    if key == "other" or key.startswith("licenseref-"):
        return f"{quoted(label)} is under terms of its own"
    return f"nothing is known here of {quoted(key)}, the licence of {quoted(label)}"
