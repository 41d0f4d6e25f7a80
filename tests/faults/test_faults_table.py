"""The table sums what suites counted, and what may not happen cannot hide in it."""

import pytest

from tests.faults.faults_table import collected, rendered, violated

LINES = [
    '{"suite": "kills", "points": 1200, "violations": 0, "resumed": 7, "equal": 7}',
    '{"suite": "safety", "ratio": 1.25}',
    '{"suite": "kills", "points": 34, "violations": 0, "resumed": 1, "equal": 1}',
    '{"suite": "power", "points": 5, "lost": 0}',
]


def test_a_line_for_each_suite_and_one_for_all() -> None:
    assert rendered(collected(LINES)).splitlines() == [
        "        faults  violations  bytes lost  resumed  same digests  time ratio",
        "kills    1,234           0                    8             8",
        "safety                                                               1.25",
        "power        5                       0",
        "all      1,239           0           0        8             8",
    ]
    assert not any(map(violated, collected(LINES).values()))


@pytest.mark.parametrize("wrong", ["violations", "lost", "accepted", "resumed"])
def test_what_may_not_happen(wrong: str) -> None:
    assert violated({"points": 3, wrong: 1})
