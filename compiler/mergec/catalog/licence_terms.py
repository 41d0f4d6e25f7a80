"""What licences ask of whoever publishes a merge, in a table.

For information: the words of a licence decide, and not this table. A licence that does not stand
here is one of which nothing is claimed.
"""

from enum import StrEnum
from fnmatch import fnmatchcase

from mergec.frozen import frozen


class Family(StrEnum):
    """The kinds of licence that matter for what may be put together."""

    PERMISSIVE = "permissive"
    COPYLEFT = "copyleft"
    NON_COMMERCIAL = "non-commercial"
    NO_DERIVATIVES = "no derivatives"
    RESTRICTED = "restricted use"
    UNKNOWN = "not known"


@frozen
class Terms:
    """A row: the family of a licence and what it asks.

    `same` says that a derived model must be under this licence too.
    """

    family: Family
    asks: tuple[str, ...]
    same: bool = False


NOTHING_KNOWN = Terms(Family.UNKNOWN, ())

_NOTICE = "keep the copyright notices and the text of the licence"
_CHANGES = "say that it was changed"
_CREDIT = "name the authors and link to the licence"
_SAME = "publish what is derived under the same licence"
_SOURCE = "give the source along"
_NO_SALE = "use it for nothing commercial"
_RESEARCH = "use it for research alone"
_POLICY = "pass its rules of use on to all users"
_USERS = "ask for a licence of your own above 700 million monthly users"
_LLAMA = (_NOTICE, _POLICY, _USERS)
_LLAMA_3 = (*_LLAMA, "say `Built with Llama`", "begin the name of the model with `Llama`")
_META_LLAMA_3 = ("say `Built with Meta Llama 3`", "begin the name of the model with `Llama 3`")
_NO_TRAINING = "train no other language models with it"

# By identifiers as `licence_key` has them; the first row that fits.
_TABLE: tuple[tuple[str, Terms], ...] = (
    ("mit", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("mit-0", Terms(Family.PERMISSIVE, ())),
    ("apache-2.0", Terms(Family.PERMISSIVE, (_NOTICE, _CHANGES))),
    ("bsd", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("bsd-[23]-clause", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("bsd-3-clause-clear", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("isc", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("zlib", Terms(Family.PERMISSIVE, (_NOTICE, _CHANGES))),
    ("bsl-1.0", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("afl-3.0", Terms(Family.PERMISSIVE, (_NOTICE, _CHANGES))),
    ("ecl-2.0", Terms(Family.PERMISSIVE, (_NOTICE, _CHANGES))),
    ("ms-pl", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("ncsa", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("postgresql", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("cdla-permissive-*", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("open-mdw", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("openmdw-1.*", Terms(Family.PERMISSIVE, (_NOTICE,))),
    ("odc-by-1.0", Terms(Family.PERMISSIVE, (_CREDIT,))),
    ("etalab-2.0", Terms(Family.PERMISSIVE, (_CREDIT,))),
    ("cc0-1.0", Terms(Family.PERMISSIVE, ())),
    ("pddl-1.0", Terms(Family.PERMISSIVE, ())),
    ("unlicense", Terms(Family.PERMISSIVE, ())),
    ("0bsd", Terms(Family.PERMISSIVE, ())),
    ("wtfpl", Terms(Family.PERMISSIVE, ())),
    ("cc-by-nc-nd-*", Terms(Family.NO_DERIVATIVES, (_CREDIT, _NO_SALE, "publish no changed copy"))),
    ("cc-by-nd-*", Terms(Family.NO_DERIVATIVES, (_CREDIT, "publish no changed copy"))),
    ("cc-by-nc-sa-*", Terms(Family.NON_COMMERCIAL, (_CREDIT, _CHANGES, _NO_SALE, _SAME), True)),
    ("cc-by-nc-*", Terms(Family.NON_COMMERCIAL, (_CREDIT, _CHANGES, _NO_SALE))),
    ("cc-by-sa-*", Terms(Family.COPYLEFT, (_CREDIT, _CHANGES, _SAME), True)),
    ("cc-by-*", Terms(Family.PERMISSIVE, (_CREDIT, _CHANGES))),
    (
        "agpl-*",
        Terms(Family.COPYLEFT, (_NOTICE, _SAME, f"{_SOURCE}, to users of a service too"), True),
    ),
    ("gpl*", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("lgpl*", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("mpl-2.0", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("epl-*", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("eupl-*", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("osl-3.0", Terms(Family.COPYLEFT, (_NOTICE, _SAME, _SOURCE), True)),
    ("odbl-1.0", Terms(Family.COPYLEFT, (_CREDIT, _SAME), True)),
    ("cdla-sharing-1.0", Terms(Family.COPYLEFT, (_NOTICE, _SAME), True)),
    ("apple-amlr", Terms(Family.NON_COMMERCIAL, (_NOTICE, _RESEARCH))),
    ("fair-noncommercial-research-license", Terms(Family.NON_COMMERCIAL, (_RESEARCH, _POLICY))),
    ("intel-research", Terms(Family.NON_COMMERCIAL, (_NOTICE, _RESEARCH))),
    ("h-research", Terms(Family.NON_COMMERCIAL, (_NOTICE, _RESEARCH))),
    ("deepfloyd-if-license", Terms(Family.NON_COMMERCIAL, (_NOTICE, _RESEARCH))),
    ("llama2", Terms(Family.RESTRICTED, (*_LLAMA, _NO_TRAINING))),
    ("llama3", Terms(Family.RESTRICTED, (*_LLAMA, *_META_LLAMA_3, _NO_TRAINING))),
    ("llama3.*", Terms(Family.RESTRICTED, _LLAMA_3)),
    ("llama4", Terms(Family.RESTRICTED, _LLAMA_3)),
    ("gemma", Terms(Family.RESTRICTED, (_NOTICE, _CHANGES, _POLICY))),
    ("grok2-community", Terms(Family.RESTRICTED, (_NOTICE, _POLICY))),
    ("bigscience-bloom-rail-1.0", Terms(Family.RESTRICTED, (_NOTICE, _CHANGES, _POLICY))),
    ("*openrail*", Terms(Family.RESTRICTED, (_NOTICE, _CHANGES, _POLICY))),
)


def terms_of(key: str) -> Terms:
    """What is known of a licence, by its `licence_key`."""
    fits = (terms for pattern, terms in _TABLE if fnmatchcase(key, pattern))
    return next(fits, NOTHING_KNOWN)
