"""PyTorch itself, where it is installed, and its devices."""

from types import ModuleType
from typing import Any

from mergec.diagnostics import fail


def import_torch() -> ModuleType:
    """PyTorch, or E603."""
    try:
        import torch
    except ImportError as error:
        raise fail(
            "E603", "backend `torch` needs PyTorch", help='run `pip install "mergec[torch]"`'
        ) from error
    return torch


def require_device(torch: Any, device: str) -> None:
    """E603 where `device` is not `cpu`, nor a CUDA device that is there."""
    kind = device.partition(":")[0]
    if kind == "cpu":
        return
    if kind != "cuda":
        raise fail("E603", f"there is no device `{device}`", help="choose `cpu` or `cuda`")
    if not torch.cuda.is_available():
        raise fail(
            "E603",
            f"device `{device}` is not available to PyTorch here",
            help="leave out `--device` to compute on the CPU",
        )
