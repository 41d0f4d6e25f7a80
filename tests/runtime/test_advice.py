"""The situations of the decision table, built of small models, and what it says of each."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.api import check_spec
from mergec.api.advice import Advised, advise_merge
from mergec.execute.likeness.advice import Situation, advise
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import write_checkpoint

Floats = NDArray[Any]
Model = dict[str, Floats]

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 32,
    "intermediate_size": 64,
    "vocab_size": 64,
}
SHAPES: Mapping[str, Sequence[int]] = {
    "model.embed_tokens.weight": (64, 32),
    **{
        f"model.layers.{n}.{name}.weight": shape
        for n in range(2)
        for name, shape in (
            ("self_attn.q_proj", (32, 32)),
            ("self_attn.k_proj", (32, 32)),
            ("self_attn.v_proj", (32, 32)),
            ("self_attn.o_proj", (32, 32)),
            ("mlp.gate_proj", (64, 32)),
            ("mlp.up_proj", (64, 32)),
            ("mlp.down_proj", (32, 64)),
        )
    },
}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def draws(seed: int, shapes: Mapping[str, Sequence[int]] = SHAPES) -> Model:
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape) for name, shape in shapes.items()}


def moved(base: Model, *steps: tuple[int, float]) -> Model:
    """The base with steps added, each by its seed and its size in sizes of the base."""
    drawn = [(draws(seed), size) for seed, size in steps]
    return {
        name: x + sum((size * step[name] for step, size in drawn), np.zeros(x.shape))
        for name, x in base.items()
    }


def write(name: str, model: Model, config: Mapping[str, object] = LLAMA) -> str:
    tensors: dict[str, Tensor] = {
        tensor: ("F32", [*x.shape], x.astype("<f4").tobytes()) for tensor, x in model.items()
    }
    write_checkpoint(Path(name), tensors, config=config)
    return f"./{name}"


def asked(*parents: Model, base: Model | None = None) -> Advised:
    """The advice, whose spec has to be one that a check finds nothing in."""
    references = [write(f"parent-{n}", model) for n, model in enumerate(parents, start=1)]
    start = write("start", base) if base is not None else None
    advised = advise_merge(references, start, backend="reference")
    if advised.spec is not None:
        Path("spec.merge").write_text(advised.spec)
        assert check_spec(Path("spec.merge")) == ()
    return advised


def choice(*parents: Model, base: Model | None = None) -> str:
    return asked(*parents, base=base).advice.choice


BASE = draws(0)


def test_few_small_task_vectors_are_added() -> None:
    advised = asked(moved(BASE, (1, 0.03)), moved(BASE, (2, 0.02)), base=BASE)
    assert advised.advice.choice == "sum of task vectors"
    assert advised.spec == (
        'base     = model("./start")\n'
        'parent_1 = model("./parent-1")\n'
        'parent_2 = model("./parent-2")\n'
        "\n"
        "child = base + 0.7*(parent_1 - base) + 0.7*(parent_2 - base)\n"
    )


def test_runs_of_one_task_are_averaged() -> None:
    runs = [moved(BASE, (1, 0.2), (seed, 0.05)) for seed in (2, 3, 4)]
    advised = asked(*runs, base=BASE)
    assert advised.advice.choice == "linear"
    assert "model_stock" in advised.advice.then
    assert advised.spec is not None
    assert advised.spec.endswith("child = linear(parent_1, parent_2, parent_3)\n")


def test_two_related_models_without_a_base_are_blended_on_an_arc() -> None:
    assert choice(moved(BASE, (1, 0.2)), moved(BASE, (2, 0.2))) == "slerp"


def test_several_related_models_without_a_base_have_a_mean_on_the_sphere() -> None:
    assert choice(*(moved(BASE, (seed, 0.2)) for seed in (1, 2, 3))) == "karcher"


def test_large_deltas_that_conflict_elect_their_signs() -> None:
    advised = asked(moved(BASE, (1, 0.3)), moved(BASE, (2, 0.3)), base=BASE)
    assert advised.advice.choice == "ties"
    assert "a plain average" in advised.advice.avoid


def test_many_small_deltas_that_conflict_elect_their_signs_too() -> None:
    advised = asked(*(moved(BASE, (seed, 0.03)) for seed in range(1, 6)), base=BASE)
    assert advised.advice.choice == "ties"
    assert "tsvm or iso_c, on the spectra" in advised.advice.then
    # Five parents: each is compared with the next, and not all ten pairs.
    assert len(advised.situation.cosines) == 5


def test_sparse_deltas_are_not_averaged() -> None:
    def sparse(seed: int) -> Model:
        steps = draws(seed)
        kept = draws(seed + 100)
        return {name: x + np.where(kept[name] > 1.2, steps[name], 0) for name, x in BASE.items()}

    assert choice(sparse(1), sparse(2), base=BASE) == "ram"


def test_networks_trained_apart_are_aligned_first() -> None:
    advised = asked(draws(1), draws(2))
    assert advised.advice.choice == "weight_match, then linear"
    assert advised.spec is not None
    assert "weight_match(parent_2, parent_1) |> linear(parent_1)" in advised.spec


def test_a_parent_that_is_not_of_this_base_stops_everything() -> None:
    advised = asked(moved(BASE, (1, 0.1)), draws(9), base=BASE)
    assert (advised.advice.choice, advised.spec) == ("distil or route", None)
    assert "unrelated directions" in advised.advice.reasons[0]


def test_other_architectures_stop_everything() -> None:
    write("one", BASE)
    write("two", BASE, {"model_type": "mistral"})
    wide = {**BASE, "model.embed_tokens.weight": np.ones((65, 32))}
    write("three", wide)
    write("four", draws(1, {"other.weight": (40, 40)}))
    for other, reason in (
        ("two", "the architectures are `llama` and `mistral`"),
        ("three", "`model.embed_tokens.weight` is f32[64,32] and f32[65,32]"),
        ("four", "only 0 % of the parameters have a counterpart"),
    ):
        advised = advise_merge(["./one", f"./{other}"], backend="reference")
        assert (advised.advice.choice, advised.spec) == ("distil or route", None)
        assert reason in advised.advice.reasons


def test_other_tokens_at_the_same_ids_stop_a_merge_row_by_row() -> None:
    for name, tokens in (("one", "ab"), ("two", "ba")):
        write(name, moved(BASE, (len(name) + ord(tokens[0]), 0.1)))
        vocabulary = {token: number for number, token in enumerate(tokens)}
        model: dict[str, object] = {"type": "BPE", "merges": [], "vocab": vocabulary}
        Path(name, "tokenizer.json").write_text(json.dumps({"model": model}))
    advised = advise_merge(["./one", "./two"], backend="reference")
    assert (advised.advice.choice, advised.spec) == ("distil or route", None)
    assert advised.advice.reasons == (
        "2 ids of the tokenizers stand for other tokens: 0 is `a` and `b`",
    )
    Path("two/tokenizer.json").write_text(Path("one/tokenizer.json").read_text())
    assert advise_merge(["./one", "./two"], backend="reference").advice.choice == "slerp"


def test_one_fine_tune_and_its_base_are_interpolated() -> None:
    assert choice(moved(BASE, (1, 0.1)), base=BASE) == "interpolation"


def test_a_parent_that_learnt_nothing_is_left_out() -> None:
    assert choice(moved(BASE, (1, 0.1)), BASE, base=BASE) == "leave a parent out"


def test_what_neither_conflicts_nor_agrees_is_averaged() -> None:
    situation = Situation(
        parents=2, has_base=True, sizes=(0.2, 0.2), changed=(1, 1), cosines=(0.6,), conflicts=(0.1,)
    )
    assert advise(situation).choice == "average of task vectors"


def test_what_not_all_models_have_is_taken_from_the_first() -> None:
    head = {f"head.{part}": np.ones((4, 4)) for part in ("dense.weight", "out.weight")}
    advised = asked(moved(BASE, (1, 0.3)), moved(BASE, (2, 0.3)), base=BASE | head)
    assert advised.spec is not None
    assert advised.spec.endswith(
        "\n"
        "merged = ties(base, parent_1, parent_2; density=0.3)\n"
        'child  = match { "head.*" => base, else => merged }\n'
    )
    assert advised.advice.reasons[-1] == "2 tensors that not all models have: as in `base`"


def test_names_are_those_of_the_paths_where_the_language_has_such(tmp_path: Path) -> None:
    for name in ("Llama-3.1 8B", "child", "модель", "child.safetensors"):
        write(name, moved(BASE, (len(name), 0.1)))
    references = ["./Llama-3.1 8B", "./child", "./модель", str(tmp_path / "child.safetensors")]
    advised = advise_merge(references, backend="reference", folder="specs")
    assert [*advised.references] == ["llama_3_1_8b", "parent_1", "parent_2", "parent_3"]
    assert advised.spec is not None
    Path("specs").mkdir()
    Path("specs/starter.merge").write_text(advised.spec)
    assert check_spec(Path("specs/starter.merge")) == ()
    assert 'model("../Llama-3.1 8B")' in advised.spec


def test_a_base_of_zeros_has_no_size_to_compare_with() -> None:
    situation = Situation(2, has_base=True, changed=(1.0, 1.0), cosines=(0.0,), conflicts=(0.5,))
    found = advise(situation)
    assert (found.choice, len(found.reasons)) == ("ties", 1)
