"""Layers and roles follow from names alone, under any prefix, and no name is too strange."""

import re
from fnmatch import translate
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mergec.catalog import (
    ROLES,
    Architecture,
    TensorName,
    TensorPlace,
    describe,
    glob_matches,
    inferred,
)
from mergec.catalog.family import families


def names(*texts: str) -> list[TensorName]:
    return [TensorName(text) for text in texts]


def llama(prefix: str = "model.", layers: int = 2) -> list[TensorName]:
    inside = ["self_attn.q_proj.weight", "mlp.up_proj.weight", "input_layernorm.weight"]
    return names(
        f"{prefix}embed_tokens.weight",
        *(f"{prefix}layers.{layer}.{name}" for layer in range(layers) for name in inside),
        f"{prefix}norm.weight",
        "lm_head.weight",
    )


LLAMA: dict[str, Any] = {"model_type": "llama", "num_hidden_layers": 2}

# One word of each kind that a rule looks at, numbers that are none, and things no name should have.
WORDS = (
    "model layers h encoder decoder block vision_tower embed_tokens self_attn mlp experts norm"
    " lm_head weight bias * # ? ! 0 1 12 9999 10000 007 -1 ² ٣"
)
words = st.sampled_from(["", *WORDS.split(), "9" * 5000])
strange_names = st.lists(words, max_size=8).map(".".join) | st.text(max_size=20)
configs = st.none() | st.fixed_dictionaries(
    {"model_type": st.sampled_from([None, 7, "nonesuch", "llama", "t5", "clip", "llava", "bert"])}
)


# Families and layers.


def test_a_known_model_type_is_described() -> None:
    found = describe(llama(), LLAMA)
    assert (found.family, found.described, found.layers) == ("llama", True, 2)
    assert found.stacks == ("model.layers.",)
    assert found.places[TensorName("model.layers.1.mlp.up_proj.weight")] == TensorPlace(
        frozenset({"mlp"}), 1, "in", "model.layers.", ".mlp.up_proj.weight"
    )
    assert found.places[TensorName("model.norm.weight")] == TensorPlace(
        frozenset({"norm"}), None, "after", "model.norm.weight", ""
    )
    assert found.count_keys == ("num_hidden_layers",)
    assert found.tied == (("lm_head.weight", "model.embed_tokens.weight"),)


@pytest.mark.parametrize(
    "config", [None, {}, {"model_type": "nonesuch"}, {"model_type": ["llama"]}]
)
def test_what_no_file_describes_is_inferred(config: dict[str, Any] | None) -> None:
    found = describe(llama(), config)
    known = describe(llama(), LLAMA)
    assert (found.family, found.described) == ("names", False)
    assert (found.layers, found.stacks, found.tied) == (known.layers, known.stacks, known.tied)
    assert found.places == known.places


def test_a_family_without_its_layers_is_inferred() -> None:
    found = describe(names("blocks.0.attn.wq", "blocks.1.attn.wq", "head.weight"), LLAMA)
    assert (found.family, found.described, found.stacks) == ("names", False, ("blocks.",))


@pytest.mark.parametrize("prefix", ["", "model.", "base_model.model.model.", "0.auto_model."])
def test_a_prefix_changes_nothing(prefix: str) -> None:
    found = describe(llama(prefix), LLAMA)
    plain = describe(llama(), LLAMA)
    assert (found.described, found.stacks) == (True, (f"{prefix}layers.",))
    assert found.tied[0][1] == f"{prefix}embed_tokens.weight"
    for name, place in found.places.items():
        other = plain.place("model." + name.removeprefix(prefix))
        assert (place.roles, place.layer, place.side) == (other.roles, other.layer, other.side)
        assert plain.place(name) == place


def test_other_names_are_placed_by_the_same_rules() -> None:
    for found in (describe(llama(), LLAMA), inferred(llama())):
        assert found.place("layers.77.mlp.up_proj.bias") == TensorPlace(
            frozenset({"mlp", "bias"}), 77, "in", "layers.", ".mlp.up_proj.bias"
        )
        assert found.place("vision_tower.stages.3.proj").layer is None


def test_the_largest_stack_is_the_main_one() -> None:
    # Layers for guessing further tokens ahead stand beside the model's own.
    ahead = names("mtp.layers.0.mlp.up_proj.weight", "mtp.layers.0.input_layernorm.weight")
    for found in (describe([*ahead, *llama()], LLAMA), inferred([*ahead, *llama()])):
        assert found.stacks == ("model.layers.",)
        place = found.place("mtp.layers.0.mlp.up_proj.weight")
        assert (place.layer, place.head) == (None, ahead[0])
        assert place.roles == {"mlp"}


def test_experts_are_no_layers() -> None:
    experts = [f"model.layers.{at}.moe.experts.{n}.w1" for at in range(2) for n in range(64)]
    found = inferred(names(*experts))
    assert (found.layers, found.stacks) == (2, ("model.layers.",))
    assert found.place(experts[-1]).tail == ".moe.experts.63.w1"


def test_a_tower_for_images_is_not_the_main_stack() -> None:
    tower = [f"vision_tower.blocks.{at}.attn.qkv.{end}" for at in range(32) for end in "ab"]
    found = inferred([*names(*tower), *llama()])
    assert (found.stacks, found.layers) == (("model.layers.",), 2)
    assert found.place(tower[0]).roles == {"vision", "attn"}
    assert found.place(tower[0]).side == "before"
    alone = inferred(names(*tower))
    assert (alone.stacks, alone.layers) == (("vision_tower.blocks.",), 32)


@pytest.mark.parametrize(
    ("model_type", "tower"),
    [
        *(("llava", f"model.{word}.vision_model.") for word in ("vision_tower", "mm_projector")),
        *(("llava", f"{word}.") for word in ("vision_model", "multi_modal_projector")),
        *(("video_llava", f"{word}.vision_model.") for word in ("image_tower", "video_tower")),
        *(("qwen2_vl", f"{word}.") for word in ("visual", "model.visual")),
        *(("nonesuch", f"{word}.") for word in ("vision_tower", "my_vision", "visual")),
        *(("nonesuch", f"{word}.") for word in ("image_tower", "mm_projector")),
        ("nonesuch", "multi_modal_projector."),
    ],
)
def test_a_tower_is_no_stack_however_large(model_type: str, tower: str) -> None:
    large = names(*(f"{tower}layers.{at}.mlp.fc1.weight" for at in range(40)))
    found = describe([*large, *llama()], {"model_type": model_type})
    assert found.described == (model_type != "nonesuch")
    assert (found.stacks, found.layers) == (("model.layers.",), 2)
    assert found.place(large[0]).side == "before"
    assert found.place(large[0]).roles >= {"vision"}


def test_an_encoder_beside_a_decoder_makes_two_stacks() -> None:
    found = inferred(
        names(
            *(f"model.decoder.layers.{at}.{end}" for at in range(6) for end in "abc"),
            *(f"model.encoder.layers.{at}.{end}" for at in range(4) for end in "ab"),
        )
    )
    assert found.stacks == ("model.encoder.layers.", "model.decoder.layers.")
    assert found.layers == 6


def test_no_names_and_no_numbers_make_no_layers() -> None:
    for config in (None, LLAMA):
        for given_names in ([], names("weight", "bias")):
            found = describe(given_names, config)
            assert (found.layers, found.stacks, found.described) == (0, (), False)


def test_the_order_of_names_is_no_matter() -> None:
    rival = names("a.layers.0.x", "b.layers.0.x")
    assert inferred(rival).stacks == inferred(rival[::-1]).stacks == ("a.layers.",)
    both = [*llama("ema.model."), *llama()]
    for found in (describe(both, LLAMA), inferred(both), inferred(both[::-1])):
        assert found.stacks == ("model.layers.",)


def test_layers_in_the_config_are_where_it_has_them() -> None:
    text: dict[str, Any] = {"num_hidden_layers": 2, "layer_types": ["full", "full"]}
    nested = describe(llama(), {"model_type": "llava", "text_config": text})
    assert (nested.config_path, nested.per_layer_keys) == (("text_config",), ("layer_types",))
    # The first of these checkpoints have no such member, and others leave the number to defaults.
    flat = describe(llama(), {"model_type": "llava", **text})
    assert (flat.config_path, flat.count_keys) == ((), ("num_hidden_layers",))
    bare = describe(llama(), {"model_type": "llava", "text_config": {"layer_types": "full"}})
    assert (bare.count_keys, bare.per_layer_keys) == (("num_hidden_layers",), ())


@pytest.mark.parametrize("path", [(), ("text_config",)])
@pytest.mark.parametrize("count", ["num_hidden_layers", "n_layer", "num_layers", "n_layers"])
def test_inference_knows_where_layers_are_counted(path: tuple[str, ...], count: str) -> None:
    facts: dict[str, Any] = {count: 2, "layer_types": ["a", "b"], "mlp_only_layers": []}
    for key in path:
        facts = {key: facts}
    found = inferred(llama(), facts)
    assert (found.config_path, found.count_keys) == (path, (count,))
    assert (found.per_layer_keys, found.layer_index_keys) == (
        ("layer_types",),
        ("mlp_only_layers",),
    )


# Renumbering.


def test_renumbering_changes_the_layer_alone() -> None:
    found = inferred(llama())
    place = found.place("model.layers.1.mlp.experts.1.up_proj.weight")
    assert place.renumbered(31) == "model.layers.31.mlp.experts.1.up_proj.weight"
    assert found.place(place.renumbered(31)) == TensorPlace(
        place.roles, 31, "in", place.head, place.tail
    )
    with pytest.raises(ValueError, match=r"^'lm_head\.weight' is in no layer$"):
        found.place("lm_head.weight").renumbered(0)


# Strange names.


def consistent(found: Architecture, name: str) -> None:
    place = found.place(name)
    assert place.roles <= set(ROLES)
    if place.layer is None:
        assert (place.head, place.tail) == (name, "")
        assert place.side in ("before", "after")
    else:
        assert f"{place.head}{place.layer}{place.tail}" == name
        assert place.side == "in"
        assert 0 <= place.layer < 10_000


@given(st.lists(strange_names, max_size=12), strange_names, configs)
@example(["layers.007.x", "layers.#.x"], "layers.99999999999999999999.x", None)
@example(["0.weight", "2.weight"], "4", None)
@example(["a_b.encoder.l.0.x", "a_b.decoder.l.0.x", "a#b.encoder.l.0.x"], "a#b.decoder.l.0", None)
@example(["text#model.encoder.layers.0.x"], "", {"model_type": "clip"})
def test_any_name_has_a_place(texts: list[str], other: str, config: dict[str, Any] | None) -> None:
    found = describe(names(*texts), config)
    assert list(found.places) == list(dict.fromkeys(texts))
    for name in [*texts, other]:
        consistent(found, name)
    layers = [place.layer for place in found.places.values() if place.layer is not None]
    assert found.layers == max(layers, default=-1) + 1
    assert bool(layers) == bool(found.stacks)


@given(st.permutations(range(4)), st.sampled_from(sorted(families())))
def test_a_description_does_not_depend_on_the_order(order: list[int], family: str) -> None:
    texts = ["model.layers.0.a", "encoder.block.1.b", "h.2.c", "vision_model.encoder.layers.3.d"]
    config = {"model_type": next(iter(families()[family].model_types), family)}
    first, second = (
        describe(names(*texts), config),
        describe([names(*texts)[i] for i in order], config),
    )
    assert (first.stacks, first.places) == (second.stacks, second.places)


@pytest.mark.parametrize(
    "name",
    ["." * 1000, "0." * 1000, "layers." * 1000 + "1", f"layers.{'9' * 10_000}.x", "attn" * 10_000],
)
def test_long_names_are_cheap(name: str) -> None:
    for config in (None, LLAMA):
        found = describe(names(name, *llama()), config)
        consistent(found, name)
        assert found.layers <= 10_000


# Globs.

patterns = st.text("ab.*?[]^\\\n", max_size=12)


@given(patterns, st.text("ab.[]^\\\n", max_size=12))
@example("*a?*b", "a.ba.ab")
@example("a*a", "a")
@example("**", "")
def test_globs_mean_what_fnmatch_means(pattern: str, text: str) -> None:
    literal = pattern.replace("[", "[[]")  # which has a meaning there and none here
    assert glob_matches(pattern, text) == bool(re.match(translate(literal), text))


@given(st.lists(st.text("ab.", max_size=3), min_size=1, max_size=4), st.data())
def test_a_glob_made_from_a_text_matches_it(pieces: list[str], data: st.DataObject) -> None:
    between = [data.draw(st.text("ab.", max_size=3)) for _ in pieces[1:]]
    text = pieces[0] + "".join(map("".join, zip(between, pieces[1:], strict=True)))
    assert glob_matches("*".join(pieces), text)


@pytest.mark.parametrize(
    "pattern", ["*a" * 500 + "b", "*?a" * 500 + "b", "*" * 5000 + "b", "?" * 999]
)
def test_a_bomb_of_a_glob_goes_out(pattern: str) -> None:
    assert not glob_matches(pattern, "a" * 3000)
