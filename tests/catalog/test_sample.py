"""Shares of the tensors of a checkpoint."""

import pytest

from mergec.catalog.sample import ALL, Sample, parse_sample

NAMES = [f"layers.{n}.{kind}" for n in range(40) for kind in ("q", "k", "v", "norm")]


@pytest.mark.parametrize("parts", [1, 2, 7, 160, 500])
def test_all_shares_together_are_all_names_once(parts: int) -> None:
    shares = [Sample(part, parts).of(NAMES) for part in range(1, parts + 1)]
    assert sorted(name for share in shares for name in share) == sorted(NAMES)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_has_tensors_of_every_kind_in_whatever_order_they_come() -> None:
    share = Sample(3, 4).of(NAMES)
    assert {name.rpartition(".")[2] for name in share} == {"q", "k", "v", "norm"}
    assert share == Sample(3, 4).of(reversed(NAMES))


def test_what_is_written() -> None:
    assert [parse_sample(text) for text in ("full", "sample=2/7")] == [ALL, Sample(2, 7)]
    assert [str(each) for each in (ALL, Sample(2, 7))] == ["full", "sample=2/7"]
    for text in ("", "none", "sample=", "sample=0/2", "sample=3/2", "sample=1/0", "sample=01/2"):
        assert parse_sample(text) is None
