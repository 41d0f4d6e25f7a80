"""Contracts: conditions are typed, and become data over the values that they ask about."""

import pytest

from mergec.ir import Fact, Operation, facts
from tests.elaborate.checked_specs import Finding, check, mistakes, warnings

CHILD = "child = linear(base, code)"

SOUND = [
    "finite(child)",
    "not finite(child)",
    "norm(child) < 10",
    "norm(child - base) / norm(base) <= 0.1",
    "-norm(child) < 0 and cosine(child, base) >= 1/2 or false",
    'license(child) == "mit"',
    'license(child) != license(base) or dtype(child) == "bf16"',
    "dtype(child) == bf16",
    "tokenizer(child) == tokenizer(base)",
    "layer_count(child) > 2 * 3",
    "params(child) < 8000000000",
    "sparsity(code - base) > 0.5",
    "sign_conflict(code - base, math - base) < 0.9",
    "child |> norm() < 10",
    "finite(child) == true",
    "norm(ties(base, code, math)) < 1",
    "1 < 2",
    'license(child) in ["apache-2.0", "MIT"]',
    "not dtype(child) in [f16, f32]",
    "layer_count(child) in [2, 4] and 1 in [1]",
]


@pytest.mark.parametrize("condition", SOUND)
def test_a_condition_is_kept_with_its_text_and_reason(condition: str) -> None:
    (contract,) = check(CHILD, f'require {condition}, "as agreed"').contracts
    assert (contract.text, contract.why) == (condition, "as agreed")


WRONG: list[tuple[str, list[Finding]]] = [
    ("norm(child)", [("E309", "norm(child)")]),
    ("child", [("E309", "child")]),
    ("1", [("E309", "1")]),
    ('"mit"', [("E309", '"mit"')]),
    ("finite(child) and 1", [("E309", "1")]),
    ("not norm(child)", [("E309", "norm(child)")]),
    ('norm(child) < "x"', [("E309", 'norm(child) < "x"')]),
    ('license(child) < "x"', [("E309", "license(child)")]),
    ("license(child) == 1", [("E309", "license(child) == 1")]),
    ("norm(child) + finite(child) < 1", [("E305", "norm(child) + finite(child)")]),
    ("-finite(child) == true", [("E305", "-finite(child)")]),
    ("norm(1) < 1", [("E302", "1")]),
    ("norm(code + math) < 1", [("E301", "code + math")]),
    ("norm() < 1", [("E209", "norm()")]),
    ("cosine(child) < 1", [("E209", "cosine(child)")]),
    ("norm(child; p=1) < 1", [("E204", "p")]),
    ("norm(nothing) < 1", [("E201", "nothing")]),
    ("nrom(child) < 1", [("E202", "nrom")]),
    ("license(child) == mit", [("E201", "mit")]),
    ('license(child) in "mit"', [("E309", '"mit"')]),
    ('license(child) in ["mit", 1]', [("E309", "1")]),
    ("finite(child) in [true]", [("E309", "finite(child)")]),
    ('license(child) in ["mit", "apach-2.0"]', [("E513", '"apach-2.0"')]),
    ('license(child) == "my terms"', [("E513", '"my terms"')]),
    ("layer_count(child) in [nothing]", [("E201", "nothing")]),
    ("[1] == [1]", [("E309", "[1]"), ("E309", "[1]")]),
]


@pytest.mark.parametrize(("condition", "places"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(condition: str, places: list[Finding]) -> None:
    assert mistakes(CHILD, f'require {condition}, "x"') == places


def test_what_is_asked_of_is_part_of_the_graph() -> None:
    checked = check(CHILD, 'require norm(math - base) < 2 * norm(child), "x"')
    (contract,) = checked.contracts
    assert isinstance(contract.condition, Operation)
    assert [(fact.kind, isinstance(fact, Fact)) for fact in facts(contract.condition)] == [
        ("norm", True),
        ("norm", True),
    ]
    assert sorted(checked.graph.outputs) == ["child", "require/1"]
    assert [source.label for source in checked.sources] == ["./base", "./code", "./math"]


def test_a_name_that_only_a_contract_uses_is_used_and_no_parent() -> None:
    assert warnings(CHILD, 'require cosine(child, math) > 0, "x"') == []
    lines = CHILD, "other = ties(base, code, math)", 'require cosine(child, other) > 0, "x"'
    assert mistakes(*lines) == [("E213", "other")]


def test_contracts_of_a_used_spec_hold_too() -> None:
    used = {"c.merge": 'b = model("./b")\nrequire finite(b), "sound"\n'}
    lines = 'use "c.merge" as c', "child = linear(base, c.b)"
    assert [contract.why for contract in check(*lines, used=used).contracts] == ["sound"]
