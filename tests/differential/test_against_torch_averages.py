"""`linear`, `lawa` and `ema` against `torch.optim.swa_utils`."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from mergec.verify.law_tensors import Floats
from tests.differential.in_memory import merged

LABELS = "abcde"
SWA: Any = swa_utils  # which has no types


def checkpoints() -> dict[str, Floats]:
    generator = np.random.default_rng(0)
    return {label: generator.normal(size=(7, 5)) for label in LABELS}


def averaged(averaging: Any, model: nn.Linear) -> Floats:
    """What torch makes of the checkpoints, seen one after the other."""
    with torch.no_grad():
        for checkpoint in checkpoints().values():
            model.weight.copy_(torch.tensor(checkpoint))
            averaging.update_parameters(model)
    found: Floats = averaging.module.weight.detach().numpy()
    return found


def layer() -> nn.Linear:
    return nn.Linear(5, 7, bias=False, dtype=torch.float64)


def test_uniform_average() -> None:
    model = layer()
    theirs = averaged(SWA.AveragedModel(model), model)
    for written in (f"linear({', '.join(LABELS)})", f"lawa({', '.join(LABELS)}; k=5)"):
        assert np.allclose(merged(written, checkpoints(), delta=False), theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
def test_exponential_average(beta: float) -> None:
    model = layer()
    recursion = SWA.get_ema_multi_avg_fn(beta)
    theirs = averaged(SWA.AveragedModel(model, multi_avg_fn=recursion), model)
    found = merged(f"ema({', '.join(LABELS)}; beta={beta})", checkpoints(), delta=False)
    assert np.allclose(found, theirs, rtol=0, atol=1e-14)
