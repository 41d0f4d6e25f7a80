"""Compare the tensors of two bf16 checkpoints: did two tools do the same work?

    python -m benchmarks.compare LEFT RIGHT

Prints one JSON object with the fields of `Agreement`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 22  # elements compared at a time


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two checkpoints agree, over all their elements.

    equal_share: fraction of elements with equal values (-0 equals 0, a NaN equals nothing).
    max_difference: largest |left - right|, in the units of the weights.
    """

    tensors: int
    elements: int
    equal_share: float
    max_difference: float


def compare(left: Path, right: Path) -> Agreement:
    """Compare two checkpoint directories tensor by tensor.

    A differing tensor name, shape, or a dtype other than BF16 is a ValueError.
    """
    ours, theirs = _tensors(left), _tensors(right)
    if ours.keys() != theirs.keys():
        differing = sorted(ours.keys() ^ theirs.keys())
        raise ValueError(f"only one side has {', '.join(differing[:3])}")
    elements = equal = 0
    largest = 0.0
    for name, tensor in ours.items():
        other = theirs[name]
        if tensor.shape != other.shape:
            raise ValueError(f"`{name}` is {tensor.shape} on one side, {other.shape} on the other")
        for start in range(0, tensor.size, _BLOCK):
            a = _widen(tensor.reshape(-1)[start : start + _BLOCK])
            b = _widen(other.reshape(-1)[start : start + _BLOCK])
            equal += int(np.count_nonzero(a == b))
            largest = max(largest, float(np.max(np.abs(a - b))))
        elements += tensor.size
    return Agreement(len(ours), elements, equal / elements, largest)


def _widen(words: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (words.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _tensors(folder: Path) -> dict[str, NDArray[np.uint16]]:
    """Every tensor of a directory as a mapped array of bf16 words."""
    found: dict[str, NDArray[np.uint16]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: Mapping[str, Any] = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "BF16":
                raise ValueError(f"`{name}` in {path.name} is {entry['dtype']}, not BF16")
            offset, shape = 8 + length + entry["data_offsets"][0], tuple(entry["shape"])
            found[name] = np.memmap(path, dtype="<u2", mode="r", offset=offset, shape=shape)
    if not found:
        raise ValueError(f"no tensors in {folder.name}")
    return found


def main() -> None:
    """Compare the two directories named on the command line."""
    left, right = sys.argv[1:]
    print(json.dumps(asdict(compare(Path(left), Path(right)))))


if __name__ == "__main__":
    main()
