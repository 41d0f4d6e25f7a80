"""Tensors that hang on statistics of the whole model, each computed by itself after these."""

from collections.abc import Sequence
from contextlib import ExitStack

from mergec.backends import get_backend
from mergec.execute.numbers import Numbers
from mergec.execute.work import compute_step, settle_alone
from mergec.plan import Budget, Plan, Row
from mergec.plan.barriers import needed
from mergec.plan.steps import Output, row_step
from mergec.shards import SourceReader
from mergec.verify.evaluate import StoredTensor


def alone(plan: Plan, rows: Sequence[Row], budget: Budget) -> list[StoredTensor]:
    """The tensors of these rows on the reference backend: no two are computed together.

    MergecError where the merge has no result.
    """
    backend = get_backend("reference")
    found: list[StoredTensor] = []
    with ExitStack() as stack:
        readers = {
            label: stack.enter_context(SourceReader(checkpoint))
            for label, checkpoint in plan.checkpoints.items()
        }
        before = needed(plan.barriers, [row.program for row in rows])
        numbers = Numbers(plan.policy)
        settled = settle_alone(before, readers, backend, budget, numbers)
        for row in rows:
            data = bytearray(row.nbytes)

            def emit(_: Output, at: int, piece: memoryview, data: bytearray = data) -> None:
                data[at : at + piece.nbytes] = piece

            step = row_step(row)
            compute_step(step, readers, backend, budget, emit, settled=settled, numbers=numbers)
            found.append(StoredTensor(row.dtype, row.shape, bytes(data)))
    return found
