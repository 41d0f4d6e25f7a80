"""A place in an object store or on a web server, as a reference names it.

`s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` and `https://host/path/` name
the folder of a checkpoint; with `.safetensors` at the end, one file. Nothing that could be secret
may stand in one, for references are printed, planned and published.
"""

import os
import re
from pathlib import PosixPath

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen

SCHEMES = frozenset({"s3", "gs", "az", "http", "https"})
# Lets tests, and a server on this machine, do without certificates.
_HTTP_VARIABLE = "MERGEC_ALLOW_HTTP"
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "[::1]"})

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,252}))(:\d{1,5})?")
_HIDDEN_STEP = re.compile(
    r"%(2e|2f|5c|00)", re.IGNORECASE
)  # `.`, `/` and `\`, as servers decode it
_LONGEST = 1024  # characters; what S3 allows of a key


@frozen
class StoreReference:
    """The folder of a checkpoint, and its one file where a file is named."""

    scheme: str
    place: str  # a bucket, a container, or host and port
    folder: str  # without slashes at its ends
    file: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.location, self.file)))

    @property
    def location(self) -> str:
        """The folder, as a reference."""
        return "/".join(filter(None, (f"{self.scheme}://{self.place}", self.folder)))

    @property
    def path(self) -> "StorePath":
        """What messages call it."""
        return StorePath(str(self))

    @property
    def lists(self) -> bool:
        """Whether the names in the folder can be asked for; a web server has no way to."""
        return self.scheme not in ("http", "https")


class StorePath(PosixPath):
    """A reference as a path, for messages: its text keeps both slashes behind the scheme."""

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)


def store_reference(ref: str, rev: str | None) -> StoreReference:
    """What `ref`, which has a scheme of a store, names; E741 if it cannot be."""
    scheme, _, rest = ref.partition("://")
    scheme = scheme.lower()
    place, _, path = rest.partition("/")
    _refuse_secrets(scheme, rest, place)
    web = scheme in ("http", "https")
    if not (_is_host if web else _BUCKET.fullmatch)(place):
        what = "host" if web else "container" if scheme == "az" else "bucket"
        found = f"has {quoted(place)} in place of a {what}" if place else f"names no {what}"
        raise _bad(ref, found, f"write it behind the scheme, as in `{_SHOWN[scheme]}`")
    if scheme == "http":
        _require_this_machine(ref, place)
    if rev is not None:
        raise _bad(
            ref,
            f"has the revision {quoted(rev)}, and a store has none",
            "leave `rev` away; the plan pins each object by its ETag",
        )
    steps = path.removesuffix("/").split("/") if path else []
    if not all(map(_is_step, steps)) or len(path) > _LONGEST or (web and _HIDDEN_STEP.search(path)):
        raise _bad(ref, "has a path that cannot be one", f"write it as in `{_SHOWN[scheme]}`")
    file = steps.pop() if steps and steps[-1].endswith(".safetensors") else None
    return StoreReference(scheme, place, "/".join(steps), file)


_SHOWN = {
    "s3": "s3://bucket/models/base",
    "gs": "gs://bucket/models/base",
    "az": "az://container/models/base",
    "http": "https://host/models/base/",
    "https": "https://host/models/base/",
}


def _is_host(place: str) -> bool:
    found = _HOST.fullmatch(place)
    return found is not None and int((found[3] or ":0")[1:]) < 1 << 16


def _is_step(step: str) -> bool:
    return step not in ("", ".", "..") and step.isprintable() and "\\" not in step


def _refuse_secrets(scheme: str, rest: str, place: str) -> None:
    """E741, without a word of the reference but its scheme."""
    if "@" in place or ("@" in rest and ":" in place and not _HOST.fullmatch(place)):
        found, advice = "a name or password before its host", _LOGIN.get(scheme, _NO_LOGIN)
    elif "?" in rest or "#" in rest:
        found, advice = "a query, which may hold what is secret", _LOGIN.get(scheme, _NO_QUERY)
    else:
        return
    raise fail(
        "E741",
        f"a reference of the scheme `{scheme}` has {found}",
        notes=("references are printed, and published in the lineage of the child",),
        help=advice,
    )


_LOGIN = {
    "s3": "leave it away, and set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
    "gs": "leave it away, and set `GOOGLE_APPLICATION_CREDENTIALS`",
    "az": "leave it away, and set `AZURE_STORAGE_ACCOUNT_KEY`",
}
_NO_LOGIN = "leave it away; of a web server mergec reads what everyone may read"
_NO_QUERY = "leave it away; for a signed address name the store, as in `s3://bucket/models/base`"


def _require_this_machine(ref: str, place: str) -> None:
    host = re.sub(r":\d+$", "", place)
    if host in _THIS_MACHINE and os.environ.get(_HTTP_VARIABLE) == "1":
        return
    raise _bad(
        ref,
        "would be read without encryption",
        "write `https://`; `http://` is for a server on this machine,"
        f" while `{_HTTP_VARIABLE}=1` is set",
    )


def _bad(ref: str, what: str, advice: str) -> MergecError:
    return fail("E741", f"{quoted(ref)} {what}", help=advice)
