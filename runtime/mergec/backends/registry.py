"""Backends by name."""

from mergec.backends.backend import Backend
from mergec.diagnostics import fail

BACKENDS = ("reference", "torch")


def get_backend(name: str, device: str = "cpu") -> Backend:
    """The backend `name` on `device` (`cpu`, or `cuda` for torch).

    Raises E603 if there is no such backend, its library is not installed or the device is absent.
    """
    if name == "reference":
        from mergec.backends.reference import ReferenceBackend

        if device != "cpu":
            raise fail(
                "E603",
                f"backend `reference` does not run on `{device}`",
                help=f"write `--backend torch --device {device}`",
            )
        return ReferenceBackend()
    if name == "torch":
        from mergec.backends.torch_backend import TorchBackend

        return TorchBackend(device)
    known = " and ".join(f"`{word}`" for word in BACKENDS)
    raise fail("E603", f"there is no backend `{name}`", help=f"choose among {known}")
