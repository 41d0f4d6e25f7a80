"""Dense linear algebra of numpy, which is LAPACK's: float64, and NaN where there is no answer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]


def svd(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Thin U, σ, Vᵀ; NaN everywhere where the iteration does not converge, as on NaN."""
    try:
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    except np.linalg.LinAlgError:
        m, n = matrix.shape
        k = min(m, n)
        return nans(m, k), nans(k), nans(k, n)
    return u, s, vt


def solve(matrix: Matrix, right: Matrix) -> Matrix:
    """Whether the matrix is positive definite, Cholesky's factorisation finds out.

    The solution is LU's, as numpy solves no triangular systems.
    """
    try:
        factor = np.linalg.cholesky(matrix)
        if not np.isnan(factor).any():  # some builds of LAPACK let NaN pass for positive
            return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        pass
    return nans(*right.shape)


def nans(*shape: int) -> Matrix:
    """A float64 array of NaN."""
    return np.full(shape, np.nan)
