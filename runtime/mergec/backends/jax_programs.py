"""What XLA is asked to compile: one operation a program, so that it has nothing to contract."""

import operator
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

OPERATORS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        name: getattr(operator, name)
        for name in (
            *("add", "sub", "mul", "truediv", "neg", "eq", "ne", "lt", "le", "gt", "ge"),
            *("and_", "or_", "xor", "invert"),
        )
    }
)


@cache
def programs(jax: Any) -> Mapping[str, Callable[..., Any]]:
    """Every operation by its name; what was compiled is kept for the life of the process.

    Those of several steps have no product that a sum follows.
    """
    jit, jnp, lax = jax.jit, jax.numpy, jax.lax

    def sign(x: Any, dtype: Any) -> Any:
        return (x > 0).astype(dtype) - (x < 0).astype(dtype)

    def divide_by(x: Any, number: Any) -> Any:
        # Of a quotient by one number XLA makes a product with its reciprocal, rounded twice,
        # unless it cannot know that all divisors are the same.
        return x / lax.optimization_barrier(jnp.full(x.shape, number))

    def magnitude_bits(x: Any) -> Any:
        word = np.dtype(f"i{x.dtype.itemsize}")
        return lax.bitcast_convert_type(x, word) & np.iinfo(word).max

    def rotate_left(x: Any, by: Any, back: Any) -> Any:
        return lax.shift_left(x, by) | lax.shift_right_logical(x, back)

    def interleave(even: Any, odd: Any, size: int) -> Any:
        return jnp.resize(jnp.stack((even, odd), axis=1).reshape(-1), size)

    found = {name: jit(function) for name, function in OPERATORS.items()}
    found |= {name: jit(getattr(jnp, name)) for name in ("abs", "sqrt", "where")}
    found |= {name: jit(getattr(jnp, name)) for name in ("exp", "log", "tanh")}
    found |= {f.__name__: jit(f) for f in (divide_by, magnitude_bits, rotate_left)}
    found["sign"] = jit(sign, static_argnums=1)
    found["convert"] = jit(lax.convert_element_type, static_argnums=1)
    found["interleave"] = jit(interleave, static_argnums=2)
    return MappingProxyType(found)
