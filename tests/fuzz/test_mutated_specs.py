"""A changed spec compiles or is refused with diagnostics, whatever is changed, within a second."""

from collections.abc import Sequence
from itertools import islice
from random import Random

import pytest

from tests.fuzz.mutations import Case, cases, chosen, main, mutated, single, tokens, understood


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Case]:
    return cases(tmp_path_factory.mktemp("toys"))


def test_what_is_mutated_compiles_to_begin_with(known: Sequence[Case]) -> None:
    sound = [case for case in known if case.name.startswith(("valid", "generated"))]
    assert len(sound) >= 45
    assert all(understood(case, case.text) for case in sound)


def test_tokens_are_all_of_a_text(known: Sequence[Case]) -> None:
    assert all("".join(tokens(case.text)) == case.text for case in known)


def test_a_token_less_or_twice_or_swapped_or_the_last(known: Sequence[Case]) -> None:
    """Every 37th of all, a prime number, so that each kind and each place has its turn."""
    every = ((case, text) for case in known for text in single(tokens(case.text)))
    tried = [understood(case, text) for case, text in islice(every, 0, None, 37)]
    assert len(tried) > 500
    assert any(tried)
    assert not all(tried)


def test_random_mutations(known: Sequence[Case]) -> None:
    random = Random(7)
    for _ in range(1000):
        case = chosen(random, known)
        understood(case, mutated(random, case.text))


@pytest.mark.slow
def test_many_random_mutations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(count=2_000, seed=2) == 0
    assert capsys.readouterr().out.startswith("2000 mutations in ")


def test_what_breaks_is_noticed(known: Sequence[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that throws."""

    def broken(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("tests.fuzz.mutations.compile_bundle", broken)
    with pytest.raises(RecursionError):
        understood(known[0], known[0].text)
    assert main(count=2) == 1
