"""Compiled loops on the CPU: the expression of a whole sweep in one pass over a block, by LLVM.

Stages only note what is to be computed (`mergec.backends.lazy`), and everything noted for a block
becomes one kernel: straight-line code for one element inside a loop (`emit`), vectorised and
compiled by LLVM once per shape of expression (`engine`). Numbers such as coefficients and
thresholds are arguments, so that the tensors of a model share a few kernels. What is no such
expression, such as a sort of rows or linear algebra, is the reference's own code on the arrays that
kernels made.
"""

from mergec.backends.native.backend import NativeBackend

__all__ = ["NativeBackend"]
