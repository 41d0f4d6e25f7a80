"""With `dialect` an operator gives what another tool was seen to give, on every backend.

Tensors and results are those of `docs/peers.md`, which `make peers` compares with the tool itself.
"""

import numpy as np
import pytest

from mergec.backends import BACKENDS, get_backend
from tests.peers.both_sides import agree, ours
from tests.peers.case import Difference
from tests.peers.table import DIFFERENCES

ROWS = [row for row in DIFFERENCES if "dialect=" in row.switch]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_dialect_gives_what_its_tool_gives(row: Difference, backend: str) -> None:
    tensors = {label: np.array(numbers) for label, numbers in row.tensors.items()}
    found = ours(row.switch, tensors, backend=get_backend(backend))
    assert agree(found, np.array(row.theirs))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("call", ["model_stock(base, a, b, c;", "slerp(a, b; t=0.3,"])
def test_a_row_has_the_edge_cases_of_a_tensor(call: str, backend: str) -> None:
    rows = {
        "base": np.zeros((4, 2)),
        "a": np.array([[2.0, 3.0], [0.0, 0.0], [3e-5, 4e-5], [1.0, 1.0]]),
        "b": np.array([[2.0, 2.0], [1.0, 2.0], [4e-5, 3e-5], [-2.0, -2.0]]),
        "c": np.array([[0.0, 0.0], [2.0, 1.0], [4e-5, 4e-5], [1.0, 0.0]]),
    }
    found = ours(f"{call} scope=row, dialect=mergekit)", rows, backend=get_backend(backend))
    for number, row in enumerate(found):
        alone = {label: tensor[number] for label, tensor in rows.items()}
        assert agree(row, ours(f"{call} dialect=mergekit)", alone))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rescale", ["none", "l1"])
def test_a_share_below_one_entry_may_keep_nothing(rescale: str, backend: str) -> None:
    tensors = {"base": np.zeros(3), "a": np.array([1.0, -3.0, 2.0])}
    for dialect, kept in (("peft", [0.0, 0.0, 0.0]), ("mergekit", [0.0, -3.0, 0.0])):
        trim = f"trim(a - base; density=0.3, rescale={rescale}, dialect={dialect})"
        found = ours(trim, tensors, backend=get_backend(backend))
        assert np.sign(found).tolist() == np.sign(kept).tolist()
