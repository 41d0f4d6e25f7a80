"""A tensor seen by its rows: the bytes are those of the rows, however blocks lie."""

from pathlib import Path

import numpy as np
import pytest

from mergec.catalog import TensorName, open_checkpoint
from mergec.catalog.row_view import RowView
from mergec.execute.inputs import open_input, pieces
from mergec.execute.row_input import RowInput
from mergec.shards import SourceReader
from tests.catalog.safetensors_bytes import file_of

ROWS, WIDTH = 40, 7
TABLE = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH) + 1
VIEWS = {
    "reversed": [*range(ROWS)][::-1],
    "shifted": [-1, -1, *range(ROWS), -1],
    "runs": [5, 6, 7, -1, 0, 1, 39, 39, 38, 2, 3, -1, -1, 4],
    "nothing": [-1] * 9,
    "all": [*range(ROWS)],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    other = ("F32", [2], bytes(8))
    table = ("F32", [ROWS, WIDTH], TABLE.tobytes())
    (tmp_path / "model.safetensors").write_bytes(file_of({"first": other, "table": table}))
    return tmp_path


@pytest.mark.parametrize("rows", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("block", [1, 3, WIDTH, 10, 64, 10_000])
def test_a_block_gathers_rows(rows: list[int], block: int, folder: Path) -> None:
    checkpoint, _ = open_checkpoint(folder)
    stored = checkpoint.tensors[TensorName("table")]
    zeros = np.zeros(WIDTH, np.float32)
    wanted = np.array([TABLE[row] if row >= 0 else zeros for row in rows]).ravel()
    present = np.repeat([float(row >= 0) for row in rows], WIDTH)
    with SourceReader(checkpoint) as reader:
        for kind, expected in (("rows", wanted), ("present", present)):
            view = RowView.of("rows" if kind == "rows" else "present", rows)
            entry = stored.seen_by(view)
            shown = open_input(reader, entry, held=True)
            assert isinstance(shown, RowInput)
            assert entry.shape == (len(rows), WIDTH)
            assert entry.stored == stored
            found = [
                np.frombuffer(bytes(shown.block(start, min(block, len(expected) - start))), "<f4")
                for start in range(0, len(expected), block)
            ]
            assert np.array_equal(np.concatenate(found), expected)
            whole = b"".join(bytes(data) for _, data in pieces(reader, entry))
            assert whole == expected.astype(np.float32).tobytes()


def test_views_of_equal_rows_are_equal() -> None:
    rows = VIEWS["runs"]
    assert RowView.of("rows", rows) == RowView.of("rows", iter(rows))
    assert RowView.of("rows", rows) != RowView.of("rows", rows[:-1])
    assert RowView.of("rows", rows) != RowView.of("present", rows)
    assert RowView.of("rows", rows).taken == 11
    assert len(RowView.of("rows", range(100_000)).starts) == 1
    assert RowView.of("rows", range(9)).is_identity(9)
    assert not RowView.of("rows", range(9)).is_identity(10)
