"""What went wrong on the way to an object store, as findings about the reference that a spec names.

What the store's library says is looked at and not repeated: it holds addresses and whole answers.
"""

import re
from typing import Literal

from mergec.catalog.quoted import quoted
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import MergecError, fail

Kind = Literal["passing", "absent", "access", "changed", "ranges", "final"]

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_STATUS = re.compile(r"status code: (\d{3})")
# Where the libraries of the clouds ask for credentials if nothing in the environment names any.
_METADATA = ("latest/api/token", "latest/meta-data", "metadata/identity", "computeMetadata")
_CREDENTIALS = {
    "s3": "set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or"
    " `AWS_SKIP_SIGNATURE=true` for a public bucket",
    "gs": "set `GOOGLE_APPLICATION_CREDENTIALS`, or `GOOGLE_SKIP_SIGNATURE=true` for a public"
    " bucket",
    "az": "set `AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`, or"
    " `AZURE_SKIP_SIGNATURE=true` for a public container",
}
CLOUDS = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}
"""How the variables of each scheme begin."""

_PUBLIC = "name a place that everyone may read, or copy the checkpoint here"
_AGAIN = "try again; nothing was published"


def library_missing(where: StoreReference) -> MergecError:
    """E740: the package that speaks to stores is not installed."""
    return fail(
        "E740",
        f"{quoted(where)} is in an object store, and `obstore` is not installed",
        help='run `pip install "mergec[cloud]"`',
    )


def offline(where: StoreReference) -> MergecError:
    """E746: no store is asked for anything."""
    return fail(
        "E746",
        f"{quoted(where)} is in an object store, and mergec is offline",
        help="run without `--offline` and `MERGEC_OFFLINE`, or copy the checkpoint here",
    )


def no_access(where: StoreReference) -> MergecError:
    """E742: without credentials, or with some that do not suffice."""
    return fail(
        "E742",
        f"{quoted(where)} may not be read with the credentials that are set",
        help=_CREDENTIALS.get(where.scheme, _PUBLIC),
    )


def absent(where: StoreReference, what: str) -> MergecError:
    """E743, with what is wrong as a predicate."""
    return fail("E743", f"{quoted(where)} {what}", help="correct the bucket or the path")


def unreachable(where: StoreReference, reason: str, advice: str = _AGAIN) -> MergecError:
    """E744, with the reason as a clause."""
    return fail("E744", f"{quoted(where)} could not be read: {reason}", help=advice)


def changed(where: StoreReference, name: str, finding: str) -> MergecError:
    """E745: an object is not the one whose header was read."""
    return fail(
        "E745",
        f"{quoted(name)} of {quoted(where)} changed while it was read: {finding}",
        notes=("what is merged belongs to one state of the source, so nothing was published",),
        help="let whatever writes to it finish, then run again",
    )


def no_ranges(where: StoreReference, name: str, finding: str) -> MergecError:
    """E748: a server that does not give the bytes that it is asked for."""
    return fail(
        "E748",
        f"the server of {quoted(where)} {finding} for {quoted(name)}",
        notes=("mergec reads parts of files, which HTTP calls range requests",),
        help="name a server that knows ranges, or copy the checkpoint here and name its folder",
    )


def kind_of(error: Exception) -> Kind:
    """What an exception of the library means for the request that it ended."""
    from obstore import exceptions as raised

    if isinstance(error, FileNotFoundError):
        return "absent"
    if isinstance(error, raised.PermissionDeniedError | raised.UnauthenticatedError):
        return "access"
    if isinstance(error, raised.PreconditionError):
        return "changed"
    if isinstance(error, raised.NotSupportedError):
        return "ranges"
    return _kind_of_text(str(error))


def finding(where: StoreReference, error: Exception, name: str = "") -> MergecError:
    """The finding for an exception of the library; `name` is the object that was asked for."""
    match kind_of(error):
        case "access":
            return no_access(where)
        case "absent" if name:
            return changed(where, name, "it is no longer there")
        case "absent":
            return absent(where, "does not exist")
        case "changed":
            return changed(where, name, "it has another ETag")
        case "ranges":
            return no_ranges(where, name, "does not answer with the bytes that were asked for")
        case _:
            text = str(error)
            reason = _reason(text) + (f" for {quoted(name)}" if name else "")
            return unreachable(where, reason, _advice(where, text))


def _kind_of_text(text: str) -> Kind:
    status = _status(text)
    if (
        status in (401, 403)
        or any(place in text for place in _METADATA)
        or "MissingAccount" in text
    ):
        return "access"
    if status == 404:
        return "absent"
    if status == 416:
        return "changed"
    if "UnexpectedRange" in text or "NotPartial" in text or "RangeNotSupported" in text:
        return "ranges"
    if "TooManyRedirects" in text or "BadScheme" in text or is_elsewhere(text):
        return "final"
    # Without a status no answer came, or not all of it.
    return "passing" if status is None or status in _PASSING else "final"


def _reason(text: str) -> str:
    status = _status(text)
    if is_elsewhere(text):
        return "the bucket is in another region than `AWS_REGION` says"
    if status is not None:
        return f"the store answered with status {status}"
    if "TooManyRedirects" in text:
        return "the server leads from address to address without end"
    if "BadScheme" in text:
        return "an address without encryption was to be followed"
    if "Connect" in text:
        return "no connection could be made"
    if "TimedOut" in text or "Timeout" in text:
        return "no answer came in time"
    if "kind: Body" in text or "Decode" in text or "Incomplete" in text:
        return "the connection broke off"
    return "its answer cannot be understood"


def _advice(where: StoreReference, text: str) -> str:
    cloud = CLOUDS.get(where.scheme)
    if is_elsewhere(text):
        return "set `AWS_REGION` to the region in which it was made"
    if "BadScheme" in text and cloud is not None:
        return f"set `{cloud}_ALLOW_HTTP=true` if the server, and the way there, are your own"
    return _AGAIN


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def is_elsewhere(text: str) -> bool:
    """Whether the text of an exception says that the bucket is in another region."""
    words = ("redirect without LOCATION", "BareRedirect", "AuthorizationHeaderMalformed")
    return any(each in text for each in words)
