"""The files of the families are sound, and serve the names of published checkpoints."""

import tomllib
from importlib.resources import files
from itertools import chain

import pytest

from mergec.catalog import ROLES, Architecture, TensorName, describe
from mergec.catalog.family import FALLBACK, families, family_of
from tests.repo.tree import ROOT

# model_type, and tensors as files on the hub name them: layer or side, roles, name.
PUBLISHED = {
    "gpt2": """
        before embed       wte.weight
        0      attn bias   h.0.attn.bias
        11     attn        h.11.attn.c_attn.weight
        11     mlp bias    h.11.mlp.c_proj.bias
        after  norm        ln_f.weight
    """,
    "gpt_neox": """
        before embed       gpt_neox.embed_in.weight
        5      attn        gpt_neox.layers.5.attention.rotary_emb.inv_freq
        5      mlp         gpt_neox.layers.5.mlp.dense_4h_to_h.weight
        after  norm bias   gpt_neox.final_layer_norm.bias
        after  head        embed_out.weight
    """,
    "llama": """
        before embed       model.embed_tokens.weight
        1      mlp         model.layers.1.mlp.gate_proj.weight
        after  head        score.weight
        after  head        classifier.weight
        after  head bias   qa_outputs.bias
    """,
    "falcon": """
        before embed       transformer.word_embeddings.weight
        59     norm        transformer.h.59.ln_attn.weight
        59     attn        transformer.h.59.self_attention.dense.weight
    """,
    "mixtral": """
        3      mlp router  model.layers.3.block_sparse_moe.gate.weight
        3      mlp expert  model.layers.3.block_sparse_moe.experts.7.w1.weight
        3      attn        model.layers.3.self_attn.o_proj.weight
        after  norm        model.norm.weight
    """,
    "qwen2_moe": """
        23     mlp router  model.layers.23.mlp.gate.weight
        23     mlp expert  model.layers.23.mlp.experts.59.gate_proj.weight
        23     mlp expert  model.layers.23.mlp.shared_expert.up_proj.weight
        23     mlp router  model.layers.23.mlp.shared_expert_gate.weight
        23     attn bias   model.layers.23.self_attn.q_proj.bias
    """,
    "qwen3_moe": """
        0      mlp expert  model.layers.0.mlp.experts.127.down_proj.weight
        0      mlp router  model.layers.0.mlp.gate.weight
        0      attn norm   model.layers.0.self_attn.k_norm.weight
    """,
    "bert": """
        before embed       bert.embeddings.word_embeddings.weight
        before norm        bert.embeddings.LayerNorm.gamma
        0      attn        bert.encoder.layer.0.attention.self.query.weight
        0      attn bias   bert.encoder.layer.0.attention.output.dense.bias
        0      norm        bert.encoder.layer.0.attention.output.LayerNorm.beta
        0      mlp         bert.encoder.layer.0.output.dense.weight
        after  head        bert.pooler.dense.weight
        after  head norm   cls.predictions.transform.LayerNorm.gamma
    """,
    "xlm-roberta": """
        before embed       roberta.embeddings.position_ids
        2      mlp         roberta.encoder.layer.2.intermediate.dense.weight
        after  head norm   lm_head.layer_norm.weight
    """,
    "t5": """
        before embed       shared.weight
        0      attn        encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight
        11     mlp         encoder.block.11.layer.1.DenseReluDense.wi.weight
        3      attn        decoder.block.3.layer.1.EncDecAttention.k.weight
        3      norm        decoder.block.3.layer.2.layer_norm.weight
        after  norm        encoder.final_layer_norm.weight
    """,
    "whisper": """
        before embed       model.encoder.conv1.weight
        1      norm bias   model.encoder.layers.1.self_attn_layer_norm.bias
        5      attn        model.decoder.layers.5.encoder_attn.v_proj.weight
        5      mlp         model.decoder.layers.5.fc2.weight
        after  head        proj_out.weight
    """,
    "vit": """
        before embed       vit.embeddings.cls_token
        before embed bias  vit.embeddings.patch_embeddings.projection.bias
        1      attn        vit.encoder.layer.1.attention.attention.query.weight
        1      attn        vit.encoder.layer.1.attention.output.dense.weight
        1      mlp         vit.encoder.layer.1.intermediate.dense.weight
        1      mlp bias    vit.encoder.layer.1.output.dense.bias
        1      norm        vit.encoder.layer.1.layernorm_after.weight
        after  norm        vit.layernorm.weight
    """,
    "clip": """
        before embed       text_model.embeddings.position_ids
        11     mlp         text_model.encoder.layers.11.mlp.fc1.weight
        23     mlp vision  vision_model.encoder.layers.23.mlp.fc1.weight
        before norm vision vision_model.pre_layrnorm.weight
        after  norm vision vision_model.post_layernorm.weight
        after  head vision visual_projection.weight
        after  head        text_projection.weight
    """,
    "siglip": """
        0      mlp         text_model.encoder.layers.0.mlp.fc1.weight
        after  head bias   text_model.head.bias
        1      attn vision vision_model.encoder.layers.1.self_attn.out_proj.weight
        after  head vision vision_model.head.probe
        after  head vision norm vision_model.head.layernorm.weight
        after  head bias   logit_bias
    """,
    "clip_vision_model": """
        before norm        pre_layrnorm.weight
        0      norm        encoder.layers.0.layer_norm1.weight
        after  norm        post_layernorm.weight
    """,
    "llava": """
        before embed       language_model.model.embed_tokens.weight
        31     attn        language_model.model.layers.31.self_attn.q_proj.weight
        after  norm        language_model.model.norm.weight
        after  head        language_model.lm_head.weight
        before attn vision vision_tower.vision_model.encoder.layers.22.self_attn.q_proj.weight
        before norm vision vision_tower.vision_model.post_layernorm.weight
        before vision bias multi_modal_projector.linear_1.bias
    """,
    "llava_llama": """
        31     mlp         model.layers.31.mlp.up_proj.weight
        before vision      model.mm_projector.0.weight
        before norm vision model.vision_tower.vision_tower.vision_model.post_layernorm.weight
    """,
    "gemma3": """
        33     norm        language_model.model.layers.33.post_feedforward_layernorm.weight
        33     attn norm   language_model.model.layers.33.self_attn.q_norm.weight
        before embed vision vision_tower.vision_model.embeddings.patch_embedding.weight
        before norm vision multi_modal_projector.mm_soft_emb_norm.weight
        before vision      multi_modal_projector.mm_input_projection_weight
    """,
    "mistral3": """
        9      attn        language_model.model.layers.9.self_attn.q_proj.weight
        before embed vision vision_tower.patch_conv.weight
        before norm vision vision_tower.ln_pre.weight
        before attn vision vision_tower.transformer.layers.3.attention.q_proj.weight
        before norm vision vision_tower.transformer.layers.3.attention_norm.weight
        before mlp vision  vision_tower.transformer.layers.3.feed_forward.up_proj.weight
        before norm vision multi_modal_projector.norm.weight
    """,
    "video_llava": """
        before mlp vision  image_tower.vision_model.encoder.layers.3.mlp.fc1.weight
        before mlp vision  video_tower.vision_model.encoder.layers.3.mlp.fc1.weight
        before vision      image_newline
        9      mlp         language_model.model.layers.9.mlp.up_proj.weight
    """,
    "qwen2_vl": """
        27     attn bias   model.layers.27.self_attn.q_proj.bias
        before attn vision visual.blocks.31.attn.qkv.weight
        before norm vision visual.blocks.31.norm1.weight
        before mlp vision  visual.merger.mlp.0.weight
        before embed vision visual.patch_embed.proj.weight
    """,
}  # fmt: skip

# The same for families without a file, by the words in their names.
INFERRED = {
    "bart": """
        before embed       model.shared.weight
        1      mlp         model.encoder.layers.1.fc1.weight
        1      norm        model.encoder.layers.1.self_attn_layer_norm.weight
        2      attn        model.decoder.layers.2.encoder_attn.q_proj.weight
        before norm        model.decoder.layernorm_embedding.weight
    """,
    "bloom": """
        before embed       word_embeddings.weight
        before norm        word_embeddings_layernorm.weight
        1      attn bias   h.1.self_attention.query_key_value.bias
        1      mlp         h.1.mlp.dense_h_to_4h.weight
        after  norm        ln_f.weight
    """,
    "distilbert": """
        before norm        distilbert.embeddings.LayerNorm.weight
        1      attn        distilbert.transformer.layer.1.attention.q_lin.weight
        1      norm        distilbert.transformer.layer.1.sa_layer_norm.weight
        1      mlp         distilbert.transformer.layer.1.ffn.lin1.weight
        after  head        pre_classifier.weight
    """,
    "deepseek_v3": """
        3      attn norm   model.layers.3.self_attn.kv_a_layernorm.weight
        3      mlp router  model.layers.3.mlp.gate.weight
        3      mlp router bias model.layers.3.mlp.gate.e_score_correction_bias
        3      mlp expert  model.layers.3.mlp.experts.255.up_proj.weight
        3      mlp expert  model.layers.3.mlp.shared_experts.up_proj.weight
    """,
    "internlm2": """
        before embed       model.tok_embeddings.weight
        3      attn        model.layers.3.attention.wqkv.weight
        3      norm        model.layers.3.attention_norm.weight
        3      mlp         model.layers.3.feed_forward.w1.weight
        after  head        output.weight
    """,
    "olmo": """
        before embed       model.transformer.wte.weight
        0      attn        model.transformer.blocks.0.att_proj.weight
        0      attn        model.transformer.blocks.0.attn_out.weight
        0      norm        model.transformer.blocks.0.attn_norm.weight
    """,
    "nonesuch": """
        before embed       cls_token
        before embed       encoder.embed_positions.weight
        0      attn        blocks.0.q_proj.weight
        0      attn        blocks.0.k_proj.weight
        0      attn        blocks.0.v_proj.weight
        0      attn        blocks.0.o_proj.weight
        0      attn        blocks.0.qkv.weight
        0      attn        blocks.0.query_key_value.weight
        0      attn        blocks.0.key.weight
        0      attn        blocks.0.value.weight
        0      attn        blocks.0.attn_proj.weight
        0      mlp         blocks.0.gate_proj.weight
        0      mlp         blocks.0.up_proj.weight
        0      mlp         blocks.0.down_proj.weight
        0      mlp         blocks.0.gate_up_proj.weight
        0      mlp         blocks.0.linear1.weight
        0      mlp bias    blocks.0.linear2.bias
        0      mlp         blocks.0.c_fc.weight
        0      mlp         blocks.0.dense_h_to_4h.weight
        0      mlp         blocks.0.dense_4h_to_h.weight
        0      mlp         blocks.0.self_mlp.w.weight
        0      mlp         blocks.0.feedforward.w.weight
        0      mlp         blocks.0.sparse_moe.w.weight
        0      mlp expert  blocks.0.experts.w.weight
        0      router      blocks.0.router.weight
        0      mlp router  blocks.0.sparse_moe.gate.weight
        0      mlp router  blocks.0.ffn.gate.weight
        0      mlp router  blocks.0.feed_forward.gate.weight
        0      norm        blocks.0.norm1.gamma
        0      norm        blocks.0.norm1.beta
        0                  blocks.0.output.weight
        after  mlp         mtp.0.mlp.w.weight
        after  head        embed_out.weight
        after  head        lm_head.weight
        after  head        value_head.weight
        after  head        head.weight
        after  head        qa_outputs.weight
        before vision      image_newline
        before attn vision my_vision.blocks.3.attn.qkv.weight
        before attn vision visual.blocks.3.attn.qkv.weight
        before vision      mm_projector.0.weight
    """,
    "phi3_v": """
        before embed vision bias model.vision_embed_tokens.img_projection.0.bias
        3      attn        model.layers.3.self_attn.qkv_proj.weight
    """,
}  # fmt: skip


KEYS = {
    "name",
    "like",
    "model_types",
    "stacks",
    "outside",
    "before",
    "after",
    "roles",
    "config",
    "tied",
    "units",
    "shapes",
}
CONFIG_KEYS = {"path", "count", "per_layer", "layer_indexes", "ties"}
TABLES = {
    file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
    for file in files("mergec.catalog").joinpath("families").iterdir()
    if file.name.endswith(".toml")
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_file_holds_what_a_description_may_hold(name: str) -> None:
    table = TABLES[name]
    assert table["name"] == name
    assert table.keys() <= KEYS
    assert table.get("roles", {}).keys() <= set(ROLES) - {"bias"}  # which is a rule, and no data
    assert table.get("config", {}).keys() <= CONFIG_KEYS
    assert table.get("like", "llama") in TABLES
    assert all(pair.keys() == {"head", "embed"} for pair in table.get("tied", ()))
    assert all({"axes"} <= group.keys() <= {"axes", "count"} for group in table.get("units", ()))
    lists: list[list[str]] = [
        table.get(key, []) for key in ("model_types", "stacks", "outside", "before", "after")
    ]
    config = {**table.get("config", {})}
    assert config.pop("ties", True) is True
    lists += [*table.get("roles", {}).values(), *config.values()]
    lists += chain.from_iterable(pair.values() for pair in table.get("tied", ()))
    lists += chain.from_iterable(group.values() for group in table.get("units", ()))
    for texts in lists:
        assert all(type(text) is str and text for text in texts), texts
        assert sorted(texts) == sorted(set(texts))
    assert all(stack.endswith(".#") and stack.count("#") == 1 for stack in table.get("stacks", ()))


def test_a_model_type_has_one_family() -> None:
    served = [served for family in families().values() for served in family.model_types]
    assert len(served) == len(set(served))
    assert all(family.model_types for family in families().values() if family.name != FALLBACK)


def test_a_family_is_found_by_each_of_its_model_types() -> None:
    for name, family in families().items():
        assert family.name == name
        assert all(family_of(served) is family for served in family.model_types)
    assert family_of("bert_or_none") is None


def test_every_family_has_layers_roles_and_a_count() -> None:
    for family in families().values():
        assert family.stacks or family.name == FALLBACK
        assert {"embed", "attn", "mlp", "norm", "head"} <= family.roles.keys()
        assert family.count_keys


def rows(text: str) -> list[tuple[str, set[str], str]]:
    """Layer number or side, roles, and name of each line."""
    lines = [line.split() for line in text.strip().splitlines()]
    return [(place, set(roles), name) for place, *roles, name in lines]


def check(found: Architecture, text: str) -> None:
    for expected, roles, name in rows(text):
        place = found.places[TensorName(name)]
        assert place.roles == roles, name
        assert expected == (place.side if place.layer is None else str(place.layer)), name


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_published_names_are_placed(model_type: str) -> None:
    names = [TensorName(name) for _, _, name in rows(PUBLISHED[model_type])]
    found = describe(names, {"model_type": model_type})
    assert found.described
    check(found, PUBLISHED[model_type])


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("gpt2", "h.3.attn.c_attn.weight"),
        ("bert", "layer.3.attention.self.query.weight"),
        ("t5", "block.3.layer.0.SelfAttention.q.weight"),
        ("whisper", "layers.3.self_attn.q_proj.weight"),
        ("clip_vision_model", "encoder.layers.3.self_attn.q_proj.weight"),
        ("llava", "model.layers.3.self_attn.q_proj.weight"),
        ("gemma3", "layers.3.self_attn.q_proj.weight"),
    ],
)
def test_names_without_their_prefix_are_described(model_type: str, name: str) -> None:
    # What `rename` leaves when it takes a part out of a larger model.
    found = describe([TensorName(name)], {"model_type": model_type})
    assert (found.described, found.layers, found.stacks) == (True, 4, (name[: name.index("3")],))
    assert found.place(name).roles == {"attn"}


def test_the_page_lists_every_family() -> None:
    page = (ROOT / "docs" / "architectures.md").read_text()
    for family in families().values():
        if family.name != FALLBACK:
            types = ", ".join(f"`{served}`" for served in family.model_types)
            assert f"| `{family.name}` | {types} |" in page


@pytest.mark.parametrize("model_type", INFERRED)
def test_names_of_other_families_tell_their_places(model_type: str) -> None:
    names = [TensorName(name) for _, _, name in rows(INFERRED[model_type])]
    found = describe(names, {"model_type": model_type})
    assert (found.family, found.described) == (FALLBACK, False)
    check(found, INFERRED[model_type])
