"""Where stages run: `reference` (numpy, the oracle), `torch` and `jax` (CPU or CUDA).

A backend is imported when it is asked for, so importing this floor loads no array library.
"""

from mergec.backends.backend import Backend
from mergec.backends.registry import BACKENDS, get_backend
from mergec.backends.self_test import self_test

__all__ = ["BACKENDS", "Backend", "get_backend", "self_test"]
