"""Backends by name: one class and one line of the table each, imported when asked for."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
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
    require_device(name, device)
    return _MAKERS[name](device)


def require_device(name: str, device: str) -> None:
    """E603 where backend `name` never computes on `device`, whatever this machine has."""
    if name in ("reference", "native") and device != "cpu":
        raise fail(
            "E603",
            f"backend `{name}` does not run on `{device}`",
            help=f"write `--backend torch --device {device}`",
        )


def device_model(name: str, device: str) -> str | None:
    """What the maker calls the accelerator that a backend computes on; None for a processor."""
    if device.partition(":")[0] == "cpu":
        return None
    if name == "jax":
        import jax

        from mergec.backends.jax_backend import find_device

        return str(find_device(jax, device).device_kind)
    import torch

    return str(torch.cuda.get_device_name(device))


def _reference(_device: str) -> Backend:
    from mergec.backends.reference import ReferenceBackend

    return ReferenceBackend()


def _native(_device: str) -> Backend:
    from mergec.backends.native import NativeBackend

    return NativeBackend()


def _torch(device: str) -> Backend:
    if device == "cpu":
        from mergec.backends.torch_backend import TorchBackend

        return TorchBackend()
    from mergec.backends.torch_fused import FusedTorchBackend

    return FusedTorchBackend(device)


def _jax(device: str) -> Backend:
    from mergec.backends.jax_backend import JaxBackend

    return JaxBackend(device)


_MAKERS: Mapping[str, Callable[[str], Backend]] = MappingProxyType(
    {"reference": _reference, "native": _native, "torch": _torch, "jax": _jax}
)
_LIBRARIES = {"native": "llvmlite", "torch": "torch", "jax": "jax"}
BACKENDS = tuple(_MAKERS)


def installed_backends() -> tuple[str, ...]:
    """The backends whose libraries are there, the reference first. Imports none of them."""
    return tuple(name for name in BACKENDS if name not in _LIBRARIES or find_spec(_LIBRARIES[name]))


def default_backend() -> str:
    """`native` where its library is there, else `reference`; the bytes are the same."""
    return "native" if "native" in installed_backends() else "reference"
