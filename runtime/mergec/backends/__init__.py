"""Where stages run: `reference` (numpy, the oracle), `native` (compiled loops), `torch`, `jax`.

A backend is imported when it is asked for, so importing this floor loads no array library.
"""

from mergec.backends.backend import Backend, Encoded
from mergec.backends.registry import BACKENDS, default_backend, get_backend, installed_backends
from mergec.backends.self_test import self_test

__all__ = [
    "BACKENDS",
    "Backend",
    "Encoded",
    "default_backend",
    "get_backend",
    "installed_backends",
    "self_test",
]
