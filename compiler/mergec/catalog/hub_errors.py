"""What went wrong on the way to a hub, as findings about the reference that a spec names.

Nothing of an address is repeated but the host: an address may hold what is secret.
"""

import errno
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from mergec.catalog.quoted import quoted
from mergec.catalog.reference import HubReference
from mergec.diagnostics import MergecError, fail

R = TypeVar("R")

_AGAIN = "try again; files that are already complete in the cache are not fetched again"
_ONLINE = "run once without `--offline` and `HF_HUB_OFFLINE`, while the hub can be reached"
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


def library_missing(model: HubReference) -> MergecError:
    """E722: the package that speaks to hubs is not installed."""
    return fail(
        "E722",
        f"{quoted(model)} is a model on a hub, and `huggingface_hub` 2.4 is not installed",
        help='run `pip install "mergec[hub]"`',
    )


def not_cached(model: HubReference, what: str = "is not in the cache") -> MergecError:
    """E727: offline, and something is lacking."""
    return fail("E727", f"{quoted(model)} {what}, and mergec is offline", help=_ONLINE)


def unreachable(model: HubReference, reason: str) -> MergecError:
    """E726, with the reason as a clause."""
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or "unknown"
    return fail(
        "E726",
        f"{quoted(model)} could not be read from the hub: {reason}",
        notes=(f"the hub is {quoted(host)}",),
        help=_AGAIN,
    )


def reported(model: HubReference, call: Callable[[], R], what: str = "") -> R:
    """The result of a call to the hub's library; its exceptions become findings.

    `what` is the file that is read, if one is. E715 where the cache cannot be written, E602 where
    the disk is full, else E716 and E723 to E727.
    """
    import httpx2
    from huggingface_hub.errors import (
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        XetDownloadError,
    )

    of_network = (httpx2.HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, XetDownloadError)
    try:
        return call()
    except of_network as error:
        raise _finding(model, error, what) from error
    except HFValidationError as error:
        raise fail(
            "E716",
            f"{quoted(model)} cannot be the name of a model on a hub",
            help="correct the name, of the form `org/name` or `org/name@revision`",
        ) from error
    except OSError as error:
        raise _of_system(model, error, what) from error
    except (ValueError, httpx2.InvalidURL) as error:
        # Addresses may hold what is secret.
        said = next((line for line in f"{error}".splitlines() if "://" not in line), "?")
        raise unreachable(model, f"its library says {quoted(said)}") from error


def may_pass(error: Exception) -> bool:
    """Whether the same call may well succeed a moment later."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY
    return isinstance(error, httpx2.TransportError) and not isinstance(error, httpx2.ProxyError)


def _finding(model: HubReference, error: Exception, what: str) -> MergecError:
    """E723 to E727, by the exception or the one that it was raised for."""
    import httpx2
    from huggingface_hub import errors

    cause = error.__cause__
    if isinstance(error, errors.LocalEntryNotFoundError):
        if isinstance(cause, Exception):
            return _finding(model, cause, what)
        return not_cached(model, f"lacks {quoted(what)} in the cache" if what else "is not cached")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return not_cached(model)
    if isinstance(error, errors.GatedRepoError):
        return _gated(model)
    if isinstance(error, errors.RepositoryNotFoundError):
        return fail(
            "E723",
            f"the hub has no model {quoted(model.repo)} that this account may see",
            help="correct the name; for a private model log in with `hf auth login`",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return fail(
            "E724",
            f"{quoted(model.repo)} has no revision {quoted(model.revision or 'main')}",
            help=f"name a branch, tag or commit that it has, as in `{model.repo}@main`",
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _of_status(model, error.response.status_code, what)
    if isinstance(error, httpx2.TooManyRedirects):
        return unreachable(model, f"it leads from address to address without end{_for(what)}")
    if isinstance(error, httpx2.TimeoutException):
        return unreachable(model, f"no answer came in time{_for(what)}")
    if isinstance(error, httpx2.ConnectError):
        return unreachable(model, "no connection could be made")
    return unreachable(model, f"the connection broke off{_for(what)}")


def _of_status(model: HubReference, status: int, what: str) -> MergecError:
    if status in (401, 403):
        return _gated(model)
    if status == 404 and what:
        return unreachable(model, f"it no longer has {quoted(what)}")
    return unreachable(model, f"it answered with status {status}{_for(what)}")


def _for(what: str) -> str:
    return f" for {quoted(what)}" if what else ""


def _gated(model: HubReference) -> MergecError:
    return fail(
        "E725",
        f"{quoted(model.repo)} is gated, and the hub does not let this account read it",
        help="accept the terms on its page, then log in with `hf auth login` or set `HF_TOKEN`",
    )


def _of_system(model: HubReference, error: OSError, what: str) -> MergecError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return fail(
            "E602",
            f"the disk of the cache is full, and {quoted(model)} is not fetched completely",
            help="free some space, or name a folder on another disk by `HF_HUB_CACHE`",
        )
    if error.errno is None:  # the library's own: what arrived has another size than was announced
        name = quoted(what) if what else "a file"
        return unreachable(model, f"{name} did not arrive whole")
    reason = error.strerror or "unknown reason"
    return fail(
        "E715",
        f"the cache of {quoted(model)} cannot be used: {reason[:1].lower()}{reason[1:]}",
        help="check the folder of the cache, or name another by `HF_HUB_CACHE`",
    )
