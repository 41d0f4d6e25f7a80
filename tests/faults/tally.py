"""What the suites of faults counted, for the table that `make faults` prints at its end."""

import json
import os
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FILE = "FAULTS_TALLY"


def tally(suite: str, **figures: float) -> None:
    """Add figures of a suite to the table; of a figure that is told several times, the sum counts.

    By the same words in all suites: `points` (faults injected), `violations`, `lost` (bytes),
    `resumed` and `equal` (runs resumed, and those with the digests of an undisturbed run),
    `files` and `accepted` (malformed files, and those wrongly taken), `executions` (of a fuzzer).
    """
    if path := os.environ.get(FILE):
        line = json.dumps({"suite": suite, **figures}) + "\n"
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line)


@contextmanager
def counting(suite: str) -> Generator[Counter[str]]:
    """The figures of a suite, told when the block ends; an error that ends it is a violation."""
    figures = Counter[str](points=0, violations=0)
    try:
        yield figures
    except Exception:
        figures["violations"] += 1
        raise
    finally:
        tally(suite, **figures)
