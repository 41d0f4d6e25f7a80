"""Which tensors a value has, under which names, and what the child's config says of them."""

from pathlib import Path

import pytest

from mergec.diagnostics import MergecError
from tests.resolve.layered import INSIDE, LAYERS, LLAMA, OUTSIDE, compiled, config, key_set, write

MLP = "model.layers.{}.mlp.up_proj.weight"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, ["a", "b"])
    return tmp_path


def origins(root: Path, expression: str) -> dict[str, str]:
    """For each tensor of an expression, the source's tensor it takes its shape from."""
    found = key_set(root, f"export {expression}").origins
    return {name: f"{leaf.label}:{leaf.name}" for name, leaf in found.items()}


def layer_sources(root: Path, expression: str) -> list[str]:
    """For each layer, the source's layer it is."""
    found = origins(root, expression)
    count = sum(name.endswith("mlp.up_proj.weight") for name in found)
    return [found[MLP.format(n)].replace(".mlp.up_proj.weight", "") for n in range(count)]


def test_a_slice_keeps_what_is_outside_and_counts_from_zero(root: Path) -> None:
    found = origins(root, "a[2..4]")
    assert layer_sources(root, "a[2..4]") == ["a:model.layers.2", "a:model.layers.3"]
    assert {name: found[name] for name in OUTSIDE} == {name: f"a:{name}" for name in OUTSIDE}
    assert len(found) == len(OUTSIDE) + 2 * len(INSIDE)


SLICES = [
    ("a[..2]", [0, 1]),
    ("a[4..]", [4, 5]),
    ("a[1..5][1..3]", [2, 3]),
    ("a[0..6]", [0, 1, 2, 3, 4, 5]),
    ("a[1..4][0..3][2..]", [3]),
]


@pytest.mark.parametrize(("expression", "layers"), SLICES)
def test_slices_of_slices(root: Path, expression: str, layers: list[int]) -> None:
    assert layer_sources(root, expression) == [f"a:model.layers.{n}" for n in layers]


def test_a_stack_has_the_layers_of_all_parts_in_their_order(root: Path) -> None:
    expression = "a[0..2] ++ b[1..3] ++ a[5..]"
    assert layer_sources(root, expression) == [
        f"{label}:model.layers.{n}"
        for label, n in [("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 5)]
    ]


def test_what_stands_before_comes_from_the_first_part_and_what_stands_after_from_the_last(
    root: Path,
) -> None:
    found = origins(root, "a[0..2] ++ b[2..4]")
    assert [found[name] for name in OUTSIDE] == [
        "a:model.embed_tokens.weight",
        "b:model.norm.weight",
        "b:lm_head.weight",
    ]


def test_a_stack_has_the_names_of_its_first_part(tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    write(tmp_path, ["b"], prefix="language_model.")
    found = origins(tmp_path, "a[0..1] ++ b[1..2]")
    assert found["model.layers.1.mlp.up_proj.weight"] == (
        "b:language_model.model.layers.1.mlp.up_proj.weight"
    )
    assert found["model.norm.weight"] == "b:language_model.model.norm.weight"
    other = origins(tmp_path, "b[0..1] ++ a[1..2]")
    assert other["language_model.lm_head.weight"] == "a:lm_head.weight"
    assert all(name.startswith("language_model.") for name in other)


def test_renamed_tensors_keep_their_origin_and_get_the_place_of_their_new_name(root: Path) -> None:
    found = key_set(root, 'export rename(a, "model.*" => "tower.model.*")')
    leaf = found.origins["tower.model.layers.3.mlp.up_proj.weight"]
    assert (leaf.label, leaf.name) == ("a", MLP.format(3))
    assert found.position("tower.model.layers.3.mlp.up_proj.weight").place.layer == 3
    assert found.origins["lm_head.weight"].name == "lm_head.weight"


def test_the_first_rule_that_fits_renames(root: Path) -> None:
    rules = '"model.layers.0.*" => "first.*", "model.*" => "rest.*"'
    found = origins(root, f"rename(a, {rules})")
    assert "first.mlp.up_proj.weight" in found
    assert "rest.layers.1.mlp.up_proj.weight" in found


def test_a_selection_keeps_names_and_numbers(root: Path) -> None:
    found = origins(root, "select(a, mlp & layers(4..))")
    assert found == {MLP.format(n): f"a:{MLP.format(n)}" for n in (4, 5)}


TIED = {**LLAMA, "tie_word_embeddings": True}
HEAD = ("lm_head.weight",)


def refusal(root: Path, expression: str) -> str:
    with pytest.raises(MergecError) as caught:
        compiled(root, f"export {expression}")
    (code,) = {found.code for found in caught.value.diagnostics if found.severity == "error"}
    return code


def test_two_tied_parts_need_a_head_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], config=TIED, without=HEAD)
    assert refusal(tmp_path, "a[0..2] ++ b[2..4]") == "E405"
    found = origins(tmp_path, "stack(a[0..2], b[2..4]; untie=true)")
    assert found["lm_head.weight"] == "b:model.embed_tokens.weight"
    assert found["model.embed_tokens.weight"] == "a:model.embed_tokens.weight"
    child = config(tmp_path, "export stack(a[0..2], b[2..4]; untie=true)")
    assert (child["tie_word_embeddings"], child["num_hidden_layers"]) == (False, 4)


def test_one_model_may_be_stacked_on_itself_while_tied(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], config=TIED, without=HEAD)
    child = config(tmp_path, "export a[..4] ++ a[2..]")
    assert (child["tie_word_embeddings"], child["num_hidden_layers"]) == (True, 8)
    assert "lm_head.weight" not in origins(tmp_path, "a[..4] ++ a[2..]")
    # A stack that has its own head can be stacked again.
    twice = "stack(stack(a[..2], b[2..4]; untie=true), a[4..]; untie=true)"
    assert config(tmp_path, f"export {twice}")["num_hidden_layers"] == 6


def test_what_a_config_leaves_to_its_default_is_seen_from_the_tensors(tmp_path: Path) -> None:
    config = {**LLAMA, "architectures": ["LlamaForCausalLM"]}
    write(tmp_path, ["a", "b"], config=config, without=HEAD)
    assert refusal(tmp_path, "a[0..2] ++ b[2..4]") == "E405"


def test_a_config_counts_the_layers_of_the_child(root: Path) -> None:
    assert config(root, "export a[1..3]")["num_hidden_layers"] == 2
    assert config(root, "export a ++ b")["num_hidden_layers"] == 2 * LAYERS
    same = config(root, "export linear(a, b)")
    assert same == LLAMA


def test_lists_with_an_entry_for_each_layer_follow_the_layers(tmp_path: Path) -> None:
    kinds = {**LLAMA, "layer_types": ["full", "slide"] * 3}
    write(tmp_path, ["a"], config=kinds)
    write(tmp_path, ["b"], config={**kinds, "layer_types": ["wide"] * 6})
    child = config(tmp_path, "export a[1..3] ++ b[0..1] ++ a[4..5]")
    assert child["layer_types"] == ["slide", "full", "wide", "full"]


def test_lists_of_layer_numbers_follow_the_layers(tmp_path: Path) -> None:
    qwen = {"model_type": "qwen2_moe", "num_hidden_layers": LAYERS, "mlp_only_layers": [1, 4]}
    write(tmp_path, ["a", "b"], config=qwen)
    child = config(tmp_path, "export a[1..5]")
    assert (child["num_hidden_layers"], child["mlp_only_layers"]) == (4, [0, 3])


def test_facts_in_an_inner_config_are_changed_there(tmp_path: Path) -> None:
    inner = {"model_type": "llama", "num_hidden_layers": LAYERS}
    outer = {"model_type": "llava", "text_config": inner, "num_hidden_layers": 99}
    write(tmp_path, ["a"], config=outer, prefix="language_model.")
    child = config(tmp_path, "export a[1..3]")
    assert child["text_config"] == {**inner, "num_hidden_layers": 2}
    assert child["num_hidden_layers"] == 99


WRONG = [
    ("a[0..7]", "E407"),
    ("a[6..]", "E407"),
    ("a[0..2][1..3]", "E407"),
    ("rename(a, \"x.*\" => \"*\")", "E410"),
    ('rename(a, "model.norm.weight" => "lm_head.weight")', "E410"),
    ('rename(a, "*" => "x")', "E410"),
    ("select(a, vision)", "E411"),
    ("select(a, layers(6..))", "E411"),
    ("select(a, mlp & attn)", "E411"),
    ("linear(a, a[0..2])", "E401"),
    ("linear(a, select(b, attn))", "E401"),
    ("linear(a, rename(b, \"lm_head.*\" => \"head.*\"))", "E401"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "code"), WRONG)
def test_tensors_that_are_not_there_are_an_error(root: Path, expression: str, code: str) -> None:
    assert refusal(root, expression) == code


def test_the_tensors_of_the_first_operand_decide(root: Path) -> None:
    narrow = origins(root, "linear(select(a, attn), b)")
    assert [name for name in narrow if "self_attn" not in name] == []
    assert len(narrow) == LAYERS
