"""Every law that an operator declares, on every backend."""

import pytest
from hypothesis import Phase, settings

from mergec.backends import get_backend, installed_backends
from mergec.ops import OPERATORS, Law, Operator
from mergec.verify.claims import CLAIMS
from mergec.verify.laws import check_law

DECLARED = [(operator, law) for operator in OPERATORS.values() for law in operator.laws]


# Shares of the examples that Hypothesis is set to: `mergec laws --effort ci` tries more.
SHARES = {"reference": 0.3, "native": 0.1, "torch": 0.1, "jax": 0.06}


def named(value: object) -> str:
    return value.label if isinstance(value, Law) else getattr(value, "name", str(value))


@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize(("operator", "law"), DECLARED, ids=named)
def test_law_holds(operator: Operator, law: Law, backend: str) -> None:
    examples = max(1, round(settings().max_examples * SHARES[backend]))
    shrink = Phase.shrink in settings().phases
    check_law(operator, law, get_backend(backend), shrink=shrink, examples=examples)


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=named)
def test_laws_hold_where_torch_notes_and_replays(operator: Operator) -> None:
    """As it does on a device, here operation by operation; a few examples of each law."""
    pytest.importorskip("torch")
    from mergec.backends.torch_fused import FusedTorchBackend

    fused = FusedTorchBackend("cpu", compiled=False)
    for law in operator.laws:
        check_law(operator, law, fused, shrink=False, examples=2)


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=named)
def test_operator_claims_laws_that_someone_interprets(operator: Operator) -> None:
    assert operator.laws
    assert {law.name for law in operator.laws} <= set(CLAIMS)
    for law in operator.laws:
        assert all(operator.parameter(name) for name in law.params), law
    labels = [law.label for law in operator.laws]
    assert all(labels.count(label) == 1 for label in labels)


def test_every_interpreter_is_used() -> None:
    assert {law.name for _, law in DECLARED} == set(CLAIMS)
