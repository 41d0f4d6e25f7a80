"""`std:peft` beside PEFT's `add_weighted_adapter`, on adapters of a small model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import peft as typed_peft
import pytest
import torch as typed_torch

from mergec.verify.law_tensors import Floats
from tests.differential.in_memory import merged, over_zero

torch: Any = typed_torch  # whose types are in part unknown
peft: Any = typed_peft

pytestmark = pytest.mark.filterwarnings("ignore:The density:UserWarning")

LABELS = ("a", "b", "c")
NAMES = ("first", "second", "third")
WEIGHTS = [1.0, 0.5, -0.25]
SIGNED = "weights=[1, 0.5, -0.25]"
ADAPTERS = "a - base, b - base, c - base"
RANK = 4
# Of 10·12 entries density 0.29 keeps 34; 0.001 keeps none.
DENSITIES = (0.29, 0.5, 0.001, 1.0)


@pytest.fixture(scope="module")
def model() -> Any:
    """A model of one layer with three adapters of other ranks and scales."""
    torch.manual_seed(0)
    made: Any = None
    for number, name in enumerate(NAMES):
        config = peft.LoraConfig(r=2 + number, lora_alpha=4, target_modules=["0"])
        if made is None:
            made = peft.get_peft_model(torch.nn.Sequential(torch.nn.Linear(12, 10)), config, name)
        else:
            made.add_adapter(name, config)
        layer = made.base_model.model[0]
        torch.nn.init.normal_(layer.lora_B[name].weight)
    return made


def deltas(model: Any) -> Mapping[str, Floats]:
    layer = model.base_model.model[0]
    found = [layer.get_delta_weight(name).detach().double().numpy() for name in NAMES]
    return over_zero(**dict(zip(LABELS, found, strict=True)))


def theirs(model: Any, combination: str, **settings: object) -> Floats:
    model.add_weighted_adapter(
        list(NAMES), WEIGHTS, "merged", combination_type=combination, **settings
    )
    found = model.base_model.model[0].get_delta_weight("merged").detach().double().numpy()
    model.delete_adapter("merged")
    return np.asarray(found)


def agree(found: Floats, expected: Floats) -> bool:
    return np.allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_cat_is_the_sum_of_scaled_adapters(model: Any) -> None:
    found = merged(f"peft.cat({ADAPTERS}; {SIGNED})", deltas(model))
    assert agree(found, theirs(model, "cat"))


def test_svd_is_their_svd(model: Any) -> None:
    found = merged(f"peft.svd({ADAPTERS}; {SIGNED}, rank={RANK})", deltas(model))
    assert agree(found, theirs(model, "svd", svd_rank=RANK))
    assert np.linalg.matrix_rank(found) == RANK


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(
    ("method", "elect", "vote"),
    [
        ("ties_svd", "mass", "total"),
        ("ties_svd", "count", "frequency"),
        ("magnitude_prune_svd", "", "total"),
    ],
)
def test_trimmed_adapters_are_merged_alike(
    model: Any, method: str, elect: str, vote: str, density: float
) -> None:
    election = f', elect="{elect}"' if elect else ""
    settings = f"{SIGNED}, density={density:f}, rank={RANK}{election}"
    found = merged(f"peft.{method}({ADAPTERS}; {settings})", deltas(model))
    expected = theirs(model, method, svd_rank=RANK, density=density, majority_sign_method=vote)
    assert agree(found, expected)


@pytest.mark.parametrize("method", ["dare_ties_svd", "dare_linear_svd"])
def test_the_same_random_masks_are_merged_alike(
    model: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = deltas(model)
    masks = iter([merged(f"dare({x} - base; density=0.5)", sources) != 0 for x in LABELS])

    def masked(_: Any) -> Any:
        return torch.from_numpy(next(masks)).float()

    monkeypatch.setattr(torch, "bernoulli", masked)
    found = merged(f"peft.{method}({ADAPTERS}; {SIGNED}, density=0.5, rank={RANK})", sources)
    assert agree(found, theirs(model, method, svd_rank=RANK, density=0.5))
