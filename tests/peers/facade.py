"""mergekit and sd-mecha, called by the names of their functions: the one place that imports them.

Tensors go in and come out as float64 arrays, and are computed in float32 unless another dtype is
named. The peers ship no types, and neither is there in the usual environment.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from mergec.verify.law_tensors import Floats
from tests.peers.case import Call


def called(call: Call, tensors: Mapping[str, Floats], *, seed: int = 0) -> Floats:
    """What the peer makes of the tensors that `call` names; its generators start at `seed`."""
    torch: Any = import_module("torch")
    torch.manual_seed(seed)
    operands = [
        torch.from_numpy(np.array(tensors[label])).to(getattr(torch, call.dtype))
        for label in call.operands
    ]
    with warnings.catch_warnings():
        # Deprecations of what the peers import are not ours to act on.
        warnings.simplefilter("ignore")
        made = _PEERS[call.peer](call, operands)
    return np.asarray(made.double().numpy())


def _mergekit(call: Call, operands: Sequence[Any]) -> Any:
    if call.function == "get_mask":
        return _elected_sum(operands, call.settings["method"])
    module, _, name = call.function.rpartition(".")
    if module:
        kernel = getattr(import_module(f"mergekit.{module}"), name)
        return kernel(*operands, **call.settings)
    api: Any = import_module("mergekit.merge_methods.api")
    base = call.operands.index(call.base) if call.base else None
    return api.merge_tensors(operands, call.function, parameters=call.settings, base_index=base)


def _elected_sum(operands: Sequence[Any], method: object) -> Any:
    """The sum of what `get_mask` lets through, which is all that it decides."""
    torch: Any = import_module("torch")
    kernels: Any = import_module("mergekit.merge_methods.generalized_task_arithmetic")
    stacked = torch.stack(list(operands))
    return (stacked * kernels.get_mask(stacked, method)).sum(dim=0)


def _sd_mecha(call: Call, operands: Sequence[Any]) -> Any:
    torch: Any = import_module("torch")
    import_module("sd_mecha")  # which registers what it has
    registry: Any = import_module("sd_mecha.extensions.merge_methods")
    kernel: Callable[..., Any] = registry.resolve(call.function).__wrapped__
    settings = {
        name: torch.tensor(value) if name in ("alpha", "probability") else value
        for name, value in call.settings.items()
    }
    if "kwargs" not in inspect.signature(kernel).parameters:
        return kernel(*operands, **settings)
    # These look their tensors up by name.
    return kernel(*({"w": operand} for operand in operands), key="w", **settings)


_PEERS: Mapping[str, Callable[[Call, Sequence[Any]], Any]] = {
    "mergekit": _mergekit,
    "sd-mecha": _sd_mecha,
}
