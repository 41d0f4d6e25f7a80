"""Replay of results that are exact to a tolerance: library functions differ in their last bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.backends import numpy_matrices
from mergec.ops import affine
from tests.end_to_end.command_line import Mergec

SPEC = """\
base  = model("./base")
code  = model("./code")
math  = model("./math")
child = iso_c(base, code, math; level=rank)
export child { dtype = f64 }
"""


def perturb(patch: pytest.MonkeyPatch, by: float) -> None:
    """Another build of LAPACK: singular vectors are as they were, but for `by`."""
    original = numpy_matrices.svd

    def other(matrix: Any) -> Any:
        u, values, vt = original(matrix)
        return u * (1 + by * np.cos(np.arange(u.size).reshape(u.shape))), values, vt

    patch.setattr(numpy_matrices, "svd", other)


@pytest.mark.parametrize(
    ("by", "status"), [(0.0, 0), (2.0**-52, 0), (2.0**-30, 10)], ids=["same", "build", "wrong"]
)
def test_only_more_than_the_last_bits_is_a_failure(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch, by: float, status: int
) -> None:
    Path("iso.merge").write_text(SPEC)
    assert mergec("run", "iso.merge", "-o", "out").status == 0
    perturb(monkeypatch, by)
    outcome = mergec("verify", "out", "--replay", "full")
    assert outcome.status == status
    assert outcome.out.startswith("verified" if status == 0 else "failed")


def test_what_is_bitwise_stays_bitwise(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tensors of the same run are still held to the bit."""
    Path("iso.merge").write_text(
        SPEC.replace("iso_c(base, code, math; level=rank)", "0.3*base + 0.7*code")
    )
    assert mergec("run", "iso.merge", "-o", "out").status == 0
    original = affine.add_terms

    def nearly(xp: Any, blocks: Any, terms: Any) -> Any:
        return original(xp, blocks, terms) * (1 + 2.0**-52)

    monkeypatch.setattr(affine, "add_terms", nearly)
    assert mergec("verify", "out", "--replay", "full").status == 10
