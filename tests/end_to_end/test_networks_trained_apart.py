"""Networks trained apart on handwritten digits: their mean, plain and with units in one order.

For these three seeds the plain mean is right on .53, .59 and .67 of unseen images, the other on
.89, .92 and .95, each parent on .97; what is asserted leaves slack.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import Floats, loaded, stored

torch: Any = pytest.importorskip("torch")
datasets: Any = pytest.importorskip("sklearn.datasets")

pytestmark = pytest.mark.slow

HIDDEN, STEPS = 32, 300
UNITS = "0.weight[0], 0.bias[0], 2.weight[1]; 2.weight[0], 2.bias[0], 4.weight[1]"
HEAD = 'a = model("./a", id="a")\nb = model("./b", id="b")\n'
Network = Mapping[str, Floats]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images() -> tuple[Any, Any, Floats, Floats]:
    """Images and their digits, for training and for scoring."""
    x, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    train, score = order[:1200], order[1200:]
    inputs, digits = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    return inputs[train], digits[train], x[score] / 16, y[score]


def trained(seed: int, x: Any, y: Any) -> Network:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, HIDDEN), torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
    return {name: weights.detach().double().numpy() for name, weights in net.state_dict().items()}


def share(network: Network, x: Floats, y: Floats) -> float:
    """Right answers."""
    for layer in (0, 2, 4):
        x = x @ network[f"{layer}.weight"].T + network[f"{layer}.bias"]
        x = x.clip(min=0.0) if layer < 4 else x
    right: Floats = np.argmax(x, axis=1) == y
    return float(right.mean())


def merged(expression: str, a: Network, b: Network) -> Network:
    files = {
        label: {name: stored(x, Dtype.F32) for name, x in network.items()}
        for label, network in {"a": a, "b": b}.items()
    }
    found = evaluate(f"{HEAD}result = {expression}\n", files, get_backend("reference"))
    return {name: loaded(tensor) for name, tensor in found.items()}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mean_works_once_units_are_in_one_order(seed: int) -> None:
    x, y, unseen, digits = images()
    a, b = trained(seed, x, y), trained(seed + 100, x, y)
    parents = min(share(network, unseen, digits) for network in (a, b))
    plain = share(merged("linear(a, b)", a, b), unseen, digits)
    aligned = f'weight_match(b, a; units="{UNITS}")'
    matched = share(merged(f"{aligned} |> linear(a)", a, b), unseen, digits)
    assert parents > 0.93
    assert matched > plain + 0.08
    assert matched > 0.85
    same = merged(aligned, a, b)
    assert share(same, unseen, digits) == pytest.approx(share(b, unseen, digits), abs=0.002)
