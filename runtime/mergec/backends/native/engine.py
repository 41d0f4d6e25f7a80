"""Compiles kernels by LLVM for this machine's processor, each once in a process."""

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, final

from mergec.backends.lazy.kernel import Kernel
from mergec.backends.native.emit import emit, emit_halving
from mergec.backends.native.objects import Objects, cache_folder
from mergec.backends.native.ranking import emit_ranking
from mergec.diagnostics import fail

Compiled = Callable[..., None]


@cache
def shared_engine() -> "Engine":
    """The engine of this process: what is compiled stays compiled."""
    return Engine(folder=cache_folder())


@final
class Engine:
    """One code generator, and everything it has compiled.

    For this machine's processor, or for the one that LLVM knows as `cpu`; what was made for it in
    earlier processes comes from `folder`, if one is given. Raises E603 without llvmlite.
    """

    def __init__(self, cpu: str | None = None, folder: Path | None = None) -> None:
        self._llvm: Any = _import("llvmlite.binding")
        llvm = self._llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features: Any = llvm.get_host_cpu_features() if cpu is None else None
        processor = cpu or llvm.get_host_cpu_name()
        able = "" if features is None else features.flatten()
        self._machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=processor, features=able, opt=3
        )
        self.halves = "x86" not in self._machine.triple or bool(features and features.get("f16c"))
        """Whether the processor converts float16 itself."""
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._machine)
        profile = f"{llvm.llvm_version_info} {self._machine.triple} {processor} {able}"
        self._objects = Objects(folder, profile) if folder else None
        self._compiled: dict[Kernel, Compiled] = {}
        self._lock = Lock()
        self._add("halve", emit_halving)

    def compiled(self, kernel: Kernel) -> Compiled:
        """The function of a kernel: takes n, then all addresses as numbers. Any thread may call."""
        found = self._compiled.get(kernel)
        if found is None:
            with self._lock:
                found = self._compiled.get(kernel) or self._compile(kernel)
                self._compiled[kernel] = found
        return found

    @cached_property
    def rank(self) -> Compiled:
        """`rank(patterns, rows, row, ranks, scratch)`, as in `ranking`."""
        with self._lock:
            self._add("rank", emit_ranking)
        return self._function("rank", [*_RANKED])

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """All that were asked for so far, in that order."""
        return tuple(self._compiled)

    def _compile(self, kernel: Kernel) -> Compiled:
        name = f"kernel_{hashlib.sha256(repr(kernel).encode()).hexdigest()}"
        self._add(name, lambda ir, module: emit(ir, module, name, kernel))
        return self._function(name, [ctypes.c_int64, *[ctypes.c_void_p] * (3 + kernel.addresses)])

    def _function(self, name: str, taken: Sequence[Any]) -> Compiled:
        return ctypes.CFUNCTYPE(None, *taken)(self._engine.get_function_address(name))

    def _add(self, name: str, define: Callable[[Any, Any], None]) -> None:
        """Make the function `name` callable, from what was kept of it or from its definition."""
        code = self._objects.load(name) if self._objects else None
        if code is None:
            code = self._generated(define)
            if self._objects:
                self._objects.keep(name, code)
        self._engine.add_object_file(self._llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def _generated(self, define: Callable[[Any, Any], None]) -> bytes:
        ir = _import("llvmlite.ir")
        module = ir.Module()
        module.triple = self._machine.triple
        define(ir, module)
        parsed = self._llvm.parse_assembly(str(module))
        parsed.verify()
        options = self._llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = True
        options.loop_interleaving = True
        options.loop_unrolling = True
        builder = self._llvm.create_pass_builder(self._machine, options)
        builder.getModulePassManager().run(parsed, builder)
        code: bytes = self._machine.emit_object(parsed)
        return code


_RANKED = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise fail(
            "E603",
            "backend `native` needs llvmlite, which is not installed",
            help='run `pip install "mergec[native]"`',
        ) from None
