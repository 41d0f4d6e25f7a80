"""Backends by name: one class and one line of the table each, imported when asked for."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mergec.backends.backend import Backend
from mergec.diagnostics import fail


def get_backend(name: str, device: str = "cpu") -> Backend:
    """The backend `name` on `device` (`cpu`, or `cuda` for torch and jax).

    Raises E603 if there is no such backend, its library is not installed or the device is absent.
    """
    if name not in _MAKERS:
        *others, last = (f"`{word}`" for word in BACKENDS)
        known = f"{', '.join(others)} and {last}"
        raise fail("E603", f"there is no backend `{name}`", help=f"choose among {known}")
    return _MAKERS[name](device)


def _reference(device: str) -> Backend:
    from mergec.backends.reference import ReferenceBackend

    if device != "cpu":
        raise fail(
            "E603",
            f"backend `reference` does not run on `{device}`",
            help=f"write `--backend torch --device {device}`",
        )
    return ReferenceBackend()


def _torch(device: str) -> Backend:
    from mergec.backends.torch_backend import TorchBackend

    return TorchBackend(device)


def _jax(device: str) -> Backend:
    from mergec.backends.jax_backend import JaxBackend

    return JaxBackend(device)


_MAKERS: Mapping[str, Callable[[str], Backend]] = MappingProxyType(
    {"reference": _reference, "torch": _torch, "jax": _jax}
)
BACKENDS = tuple(_MAKERS)
