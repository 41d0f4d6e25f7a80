"""Where a peer and mergec differ, each gives what the table says, and the switch gives theirs."""

from collections.abc import Callable

import numpy as np
import pytest

from mergec.diagnostics import MergecError
from mergec.verify.law_tensors import Floats
from tests.peers.both_sides import agree, ours
from tests.peers.case import Difference, Result
from tests.peers.facade import called
from tests.peers.table import DIFFERENCES


def gives(compute: Callable[[], Floats], expected: Result) -> bool:
    """Whether there is this result, this exception, or this code."""
    try:
        found = compute()
    except MergecError as error:
        return expected == error.diagnostics[0].code
    except (ValueError, RuntimeError) as error:
        return expected == type(error).__name__
    return not isinstance(expected, str) and agree(found, np.array(expected))


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.call.peer}-{row.what}")
def test_each_side_gives_its_own(row: Difference) -> None:
    assert row.theirs != row.result
    tensors = {label: np.array(numbers) for label, numbers in row.tensors.items()}
    assert gives(lambda: called(row.call, tensors), row.theirs)
    assert gives(lambda: ours(row.ours, tensors, row.call.dtype), row.result)
    if row.switch:
        assert gives(lambda: ours(row.switch, tensors, row.call.dtype), row.theirs)
