"""Settings of config.json that differ: what is no difference, and how severe the others are."""

from collections.abc import Mapping

import pytest

from mergec.catalog import ROLES
from mergec.catalog.config_differences import config_differences, text_section
from mergec.catalog.config_fields import CONFIG_FIELDS

Config = Mapping[str, object]
LLAMA: Config = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8}
SCALED = {"rope_type": "yarn", "factor": 4.0}


def differences(one: Config, other: Config, *roles: str) -> list[tuple[str, str]]:
    return [
        (each.severity, each.field.name)
        for each in config_differences({**LLAMA, **one}, {**LLAMA, **other}, roles)
    ]


def test_every_row_of_the_table_says_why_and_of_which_tensors() -> None:
    assert len({field.name for field in CONFIG_FIELDS}) == len(CONFIG_FIELDS)
    for field in CONFIG_FIELDS:
        assert field.reason[:1].islower()
        assert not field.reason.endswith(".")
        assert field.roles <= set(ROLES)
        assert field.read({"model_type": "toy"}) == field.read({"model_type": "toy"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"num_key_value_heads": 8, "head_dim": 8}),
        ({"rope_theta": 10000.0}, {}),
        ({"rope_theta": 1e6}, {"rope_parameters": {"rope_type": "default", "rope_theta": 1000000}}),
        ({"rope_scaling": None}, {"rope_parameters": {"rope_type": "default"}}),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, {"rope_scaling": SCALED}),
        ({"hidden_act": "silu"}, {"hidden_act": "swish"}),
        ({"hidden_act": "gelu"}, {"hidden_act": "gelu_pytorch_tanh"}),
        ({"hidden_act": "gelu", "hidden_activation": "silu"}, {"hidden_act": "silu"}),
        ({"sliding_window": 4096, "use_sliding_window": False}, {"sliding_window": None}),
        ({"max_window_layers": 28, "use_sliding_window": False}, {"max_window_layers": 21}),
        ({"layer_types": ["full_attention"]}, {"layer_types": ["full_attention"] * 2}),
        ({"attention_bias": False}, {}),
        ({"initializer_range": 0.02, "use_cache": True}, {"initializer_range": 0.01}),
        ({"torch_dtype": "bfloat16"}, {"dtype": "float32"}),
    ],
)
def test_what_says_the_same_is_no_difference(one: Config, other: Config) -> None:
    assert differences(one, other) == differences(other, one) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {"num_attention_heads": 4}, ("error", "num_attention_heads")),
        ({}, {"num_key_value_heads": 2}, ("error", "num_key_value_heads")),
        ({}, {"head_dim": 16}, ("error", "head_dim")),
        ({"hidden_act": "silu"}, {"hidden_act": "gelu"}, ("error", "hidden_act")),
        ({"hidden_act": "silu"}, {}, ("note", "hidden_act")),
        (
            {"partial_rotary_factor": 0.5},
            {"partial_rotary_factor": 1.0},
            ("error", "partial_rotary_factor"),
        ),
        ({"attention_multiplier": 1.0}, {"attention_multiplier": 0.5}, None),
        ({}, {"rope_theta": 5e5}, ("warning", "rope_theta")),
        ({}, {"rope_scaling": SCALED}, ("warning", "rope_scaling")),
        ({"rms_norm_eps": 1e-5}, {"rms_norm_eps": 1e-6}, ("warning", "norm epsilon")),
        ({"sliding_window": 4096}, {}, ("warning", "sliding_window")),
        ({"attention_bias": True}, {}, ("warning", "attention_bias")),
        ({"final_logit_softcapping": 30.0}, {}, ("warning", "final_logit_softcapping")),
        (
            {"num_experts_per_tok": 2},
            {"num_experts_per_tok": 4},
            ("warning", "num_experts_per_tok"),
        ),
        ({}, {"model_type": "mistral", "num_key_value_heads": 8}, ("warning", "model_type")),
        ({"layer_types": ["a", "b"]}, {"layer_types": ["a", "a"]}, ("warning", "layer_types")),
        ({"architectures": ["A"]}, {"architectures": ["B"]}, ("note", "architectures")),
        ({}, {"max_position_embeddings": 4096}, ("note", "max_position_embeddings")),
    ],
)
def test_what_differs_is_told_as_severely_as_it_deserves(
    one: Config, other: Config, expected: tuple[str, str] | None
) -> None:
    found = differences(one, other)
    assert found == [expected or ("error", "attention_multiplier")]
    assert differences(other, one) == found


def test_a_setting_matters_to_the_tensors_that_it_is_about() -> None:
    assert differences({}, {"num_attention_heads": 4}, "mlp", "norm") == []
    assert differences({"hidden_act": "silu"}, {"hidden_act": "relu"}, "attn", "norm") == []
    assert differences({"hidden_act": "silu"}, {"hidden_act": "relu"}, "expert") != []
    assert differences({}, {"model_type": "mistral", "num_key_value_heads": 8}, "norm") != []


def test_a_language_model_is_compared_with_that_part_of_a_model_that_sees() -> None:
    seeing = {"model_type": "llava", "text_config": {**LLAMA, "rope_theta": 5e5}}
    section = text_section(seeing, ("text_config",))
    found = config_differences(section, LLAMA, ())
    assert [each.field.name for each in found] == ["rope_theta"]


def test_values_of_any_kind_are_printed_in_bounded_length() -> None:
    hostile = {"rope_theta": "\x1b[31m" * 100, "hidden_act": {"a": [1] * 1000}}
    for each in config_differences({**LLAMA, **hostile}, LLAMA, ()):
        assert len(each.one) <= 60
        assert "\x1b" not in each.one
