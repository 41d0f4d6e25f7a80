"""Kernels as functions over tensors, each made once in a process."""

import re
from collections.abc import Callable
from functools import partial
from importlib import import_module
from threading import Lock
from typing import Any, final

from mergec.backends.lazy.kernel import Kernel
from mergec.backends.torch_fused.arrays import TorchArrays
from mergec.backends.torch_fused.replay import replay
from mergec.backends.torch_import import import_torch
from mergec.diagnostics import fail

Program = Callable[..., Any]

# What Inductor leaves to choice, as the numeric contract asks. The first also keeps Triton from
# contracting a product and a sum, and every cast that is written; without the pattern matcher
# nothing is rewritten that was not written so. The self-test notices where one of these is not
# what it was. Last, no processes are started to compile in.
_SETTINGS = {
    "emulate_precision_casts": True,
    "eager_numerics.division_rounding": True,
    "eager_numerics.disable_ftz": True,
    "use_fast_math": False,
    "pattern_matcher": False,
    "cpp.enable_floating_point_contract_flag": "off",
    "cpp.enable_unsafe_math_opt_flag": False,
    "compile_threads": 1,
}


@final
class Programs:
    """The functions of kernels, made by Inductor where `compiled`, else operation by operation."""

    def __init__(self, arrays: TorchArrays, *, compiled: bool) -> None:
        self._arrays = arrays
        self._compiled = compiled
        self._known: dict[tuple[Kernel, bool], Program] = {}
        self._lock = Lock()

    def of(self, kernel: Kernel, n: int) -> Program:
        """The function for blocks of `n` elements, as `replay` has it. Any thread may call."""
        # Torch would compile another function for blocks of one element.
        compiled = self._compiled and n > 1
        found = self._known.get((kernel, compiled))
        if found is None:
            made = self._made(kernel, compiled=compiled)
            found = self._known.setdefault((kernel, compiled), made)
        return found

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """All that were asked for so far, in that order."""
        return tuple(dict.fromkeys(kernel for kernel, _ in tuple(self._known)))

    def _made(self, kernel: Kernel, *, compiled: bool) -> Program:
        sqrt = self._arrays.torch.sqrt if compiled else self._arrays.xp.sqrt
        written = replay(kernel, self._arrays, sqrt).forward
        if not compiled:
            # The function alone, which needs no module: the graph takes most of the memory.
            return partial(written.__func__, None)
        options = {"fullgraph": True, "dynamic": True, "options": _SETTINGS}
        return self._compiled_at_first(self._arrays.torch.compile(written, **options))

    def _compiled_at_first(self, function: Program) -> Program:
        """Torch compiles a function when it is called first: that is for one thread at a time."""
        ready: list[bool] = []

        def call(*args: Any) -> Any:
            if ready:
                return function(*args)
            with self._lock:
                made = self._first(function, *args)
                ready.append(True)
            return made

        return call

    def _first(self, function: Program, *args: Any) -> Any:
        exceptions: Any = import_module("torch._dynamo.exc")
        try:
            return function(*args)
        except exceptions.TorchDynamoException as error:
            raise fail(
                "E603",
                f"PyTorch cannot compile kernels for `{self._arrays.device}` here",
                notes=(str(error).partition("\n")[0],),
                help="look whether Triton and a C compiler are there, or leave out `--device`",
            ) from error


def listing(kernel: Kernel, device: str) -> str:
    """The operations of a kernel, one a line, as they are compiled for `device`."""
    torch: Any = import_torch()
    code: str = replay(kernel, TorchArrays(torch, device), torch.sqrt).code
    # Without what lets go of tensors between them.
    return re.sub(r";  [^\n]* = None(?=\n)", "", code).strip()
