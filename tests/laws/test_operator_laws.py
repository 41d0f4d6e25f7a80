"""Every law that an operator declares, on every backend."""

from importlib.util import find_spec

import pytest

from mergec.backends import get_backend
from mergec.ops import OPERATORS, Law, Operator
from mergec.verify.law_case import spelled
from mergec.verify.laws import INTERPRETERS, check_law

CLAIMS = [(operator, law) for operator in OPERATORS.values() for law in operator.laws]


def named(value: object) -> str:
    if isinstance(value, Law):
        settings = ",".join(f"{name}={spelled(held)}" for name, held in value.params.items())
        return f"{value.name}({settings})"
    return value.name if isinstance(value, Operator) else str(value)


@pytest.mark.parametrize("backend", ["reference", *(["torch"] if find_spec("torch") else [])])
@pytest.mark.parametrize(("operator", "law"), CLAIMS, ids=named)
def test_law_holds(operator: Operator, law: Law, backend: str) -> None:
    check_law(operator, law, get_backend(backend))


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=named)
def test_operator_claims_laws_that_someone_interprets(operator: Operator) -> None:
    assert operator.laws
    assert {law.name for law in operator.laws} <= set(INTERPRETERS)
    for law in operator.laws:
        assert all(operator.parameter(name) for name in law.params), law
    claims = [(law.name, sorted(law.params.items())) for law in operator.laws]
    assert all(claims.count(claim) == 1 for claim in claims)


def test_every_interpreter_is_used() -> None:
    assert {law.name for _, law in CLAIMS} == set(INTERPRETERS)
