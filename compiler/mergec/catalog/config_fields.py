"""Settings in config.json that give weights another meaning and leave their shapes alone: a table.

Two checkpoints may have the same tensors and still be different networks, for example where one
cuts the rows of a projection into four heads and the other into eight. Each row here is such a
setting: where it stands, what holds where it is not stated, which tensors it is about, and what it
means for a merge that two parents differ in it.

An `error` is a difference after which no entry of a merged tensor means anything; a `warning` one
that a merge seldom survives, or survives in part; a `note` one that does no harm.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

from mergec.frozen import frozen

Severity = Literal["error", "warning", "note"]
Config = Mapping[str, Any]


class Unstated:
    """Stands for a setting that a config does not have, with no default that all loaders share."""

    def __repr__(self) -> str:
        return "UNSTATED"


UNSTATED: Final = Unstated()


@frozen
class ConfigField:
    """One setting: `read` gives its value, or UNSTATED.

    `roles` are those of the tensors whose meaning it has; none for all. `reason` says what becomes
    of a merge. `follows` names a setting of which this one is a consequence, as a rule.
    """

    name: str
    severity: Severity
    reason: str
    read: Callable[[Config], object]
    roles: frozenset[str] = frozenset()
    follows: str = ""


def _key(*keys: str, default: object = UNSTATED) -> Callable[[Config], object]:
    """The first of these keys that has a value; dots lead into members."""

    def read(config: Config) -> object:
        found = (_member(config, key) for key in keys)
        return next((value for value in found if value is not None), default)

    return read


def _member(config: Config, key: str) -> object:
    value: object = config
    for step in key.split("."):
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(step)
    return value


_heads = _key("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads")
_width = _key("hidden_size", "n_embd", "d_model", "dim")
# Model types whose heads are not a share of the width where config.json does not say so.
_OWN_HEAD_WIDTH = {
    "gemma": 256, "gemma2": 256, "gemma3_text": 256, "qwen3": 128, "t5": 64, "mt5": 64, "umt5": 64,
}  # fmt: skip
# Where every head has keys and values of its own unless something else is stated.
_ALL_HEADS = frozenset({"llama", "phi", "phi3", "gpt2", "gpt_neox", "bert", "roberta", "t5", "vit"})


def key_value_heads(config: Config) -> object:
    """The number of heads of keys and values, as far as it is known."""
    stated = _key("num_key_value_heads", "num_kv_heads", "multi_query_group_num")(config)
    if stated is not UNSTATED:
        return stated
    return _heads(config) if str(config.get("model_type")) in _ALL_HEADS else UNSTATED


def head_width(config: Config) -> object:
    """The width of a head: the share of the hidden size where nothing is stated."""
    stated = _key("head_dim", "d_kv", "attention_head_size")(config)
    own = _OWN_HEAD_WIDTH.get(str(config.get("model_type")))
    width, heads = _width(config), _heads(config)
    if stated is not UNSTATED or own is not None:
        return own if stated is UNSTATED else stated
    if type(width) is int and type(heads) is int and heads > 0 and width % heads == 0:
        return width // heads
    return UNSTATED


_SAME_ACTIVATION = {
    "swish": "silu", "swiglu": "silu",
    **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_python", "gelu_pytorch_tanh"), "gelu"),
}  # fmt: skip


def _activation(config: Config) -> object:
    """The activation, approximations of one function taken for it."""
    stated = _key(
        "hidden_activation", "hidden_act", "activation_function", "dense_act_fn",
        "activation", "feed_forward_proj",
    )(config)  # fmt: skip
    return _SAME_ACTIVATION.get(stated, stated) if isinstance(stated, str) else stated


# Without a word in config.json; others have other bases.
_ROTARY_BASE = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"), 10000),
    **dict.fromkeys(("gemma", "gemma2", "phi", "phi3", "gpt_neox"), 10000),
    "mixtral": 1000000,
}


def _rotary_base(config: Config) -> object:
    stated = _key(
        "rope_parameters.rope_theta", "rope_parameters.full_attention.rope_theta", "rope_theta",
        "rotary_emb_base",
    )(config)  # fmt: skip
    if stated is not UNSTATED:
        return stated
    return _ROTARY_BASE.get(str(config.get("model_type")), UNSTATED)


def _rotary_scaling(config: Config) -> object:
    """How positions are stretched; None for not at all. Older and newer spellings are one."""
    return _scaling(config.get("rope_scaling") or config.get("rope_parameters"))


def _scaling(stated: object) -> object:
    if not isinstance(stated, dict):
        return None
    known = cast("dict[str, object]", stated)
    if "full_attention" in known:  # one for each type of layer
        by_type = {key: _scaling(known[key]) for key in sorted(known)}
        return by_type if any(by_type.values()) else None
    kind = known.get("rope_type", known.get("type"))
    if kind in (None, "default"):
        return None
    aside = ("type", "rope_type", "rope_theta", "partial_rotary_factor")
    rest = {key: known[key] for key in sorted(known) if key not in aside}
    return {"rope_type": kind, **rest}


def _window(config: Config) -> object:
    """How far attention looks back; None for everywhere."""
    if config.get("use_sliding_window") is False:
        return None
    return _key("sliding_window", "window_size", default=None)(config)


def _window_layers(config: Config) -> object:
    """From which layer on the window holds, where there is one."""
    if config.get("use_sliding_window") is not True:
        return None
    return config.get("max_window_layers")


def _roles(*names: str) -> frozenset[str]:
    return frozenset(names)


_ATTN, _MLP, _NORM = _roles("attn"), _roles("mlp", "expert"), _roles("norm")
_ROUTER, _VISION = _roles("router", "expert"), _roles("vision")
_HEADS = "num_attention_heads"
_CUT = "the rows of the projections are cut into other heads"
_SCALED = "the weights were trained for sums of another scale"
_EXPERTS = "the outputs of experts are chosen or added up in another way"
_MASKED = "a layer attends to other positions than its weights were trained for"
_ANGLES = "queries and keys were trained to be turned by other angles"

CONFIG_FIELDS: tuple[ConfigField, ...] = (
    ConfigField(_HEADS, "error", _CUT, _heads, _ATTN),
    ConfigField("num_key_value_heads", "error", _CUT, key_value_heads, _ATTN, _HEADS),
    ConfigField("head_dim", "error", _CUT, head_width, _ATTN, _HEADS),
    ConfigField(
        "partial_rotary_factor",
        "error",
        "another part of each head is turned by the position",
        _key("rope_parameters.partial_rotary_factor", "partial_rotary_factor", "rotary_pct"),
        _ATTN,
    ),
    ConfigField(
        "rope_interleave",
        "error",
        "other pairs of entries are turned by the position",
        _key("rope_interleave", "rope_interleaved"),
        _ATTN,
    ),
    ConfigField(
        "position_embedding_type",
        "error",
        "positions reach the attention in another way",
        _key("position_embedding_type"),
        _ATTN,
    ),
    ConfigField(
        "alibi",
        "error",
        "positions reach the attention in another way",
        _key("alibi", default=False),
        _ATTN,
    ),
    ConfigField(
        "hidden_act",
        "error",
        "neurons were trained with another function behind them",
        _activation,
        _MLP,
    ),
    ConfigField("query_pre_attn_scalar", "error", _SCALED, _key("query_pre_attn_scalar"), _ATTN),
    ConfigField("attention_multiplier", "error", _SCALED, _key("attention_multiplier"), _ATTN),
    ConfigField(
        "embedding_multiplier", "error", _SCALED, _key("embedding_multiplier", "scale_emb")
    ),
    ConfigField("scale_embedding", "error", _SCALED, _key("scale_embedding")),
    ConfigField(
        "residual_multiplier", "error", _SCALED, _key("residual_multiplier", "scale_depth")
    ),
    ConfigField(
        "parallel_attn",
        "error",
        "attention and feed-forward read another input",
        _key("use_parallel_residual", "parallel_attn"),
    ),
    ConfigField(
        "do_layer_norm_before",
        "error",
        "norms stand on the other side of their layers",
        _key("do_layer_norm_before", "normalize_before"),
    ),
    ConfigField(
        "vision_config.num_attention_heads",
        "error",
        _CUT,
        _key("vision_config.num_attention_heads", "vision_config.num_heads"),
        _VISION,
    ),
    ConfigField(
        "vision_config.hidden_act",
        "error",
        "neurons were trained with another function behind them",
        _key("vision_config.hidden_act"),
        _VISION,
    ),
    ConfigField(
        "model_type",
        "warning",
        "other code runs the same names and shapes, and may mean something else by them",
        _key("model_type"),
    ),
    ConfigField("rope_theta", "warning", _ANGLES, _rotary_base, _ATTN),
    ConfigField("rope_local_base_freq", "warning", _ANGLES, _key("rope_local_base_freq"), _ATTN),
    ConfigField("rope_scaling", "warning", _ANGLES, _rotary_scaling, _ATTN),
    ConfigField("sliding_window", "warning", _MASKED, _window, _ATTN),
    ConfigField("max_window_layers", "warning", _MASKED, _window_layers, _ATTN),
    ConfigField(
        "sliding_window_pattern", "warning", _MASKED, _key("sliding_window_pattern"), _ATTN
    ),
    ConfigField("layer_types", "warning", _MASKED, _key("layer_types"), _ATTN),
    ConfigField("no_rope_layers", "warning", _ANGLES, _key("no_rope_layers"), _ATTN),
    ConfigField(
        "relative_attention_max_distance",
        "warning",
        _MASKED,
        _key("relative_attention_max_distance"),
        _ATTN,
    ),
    ConfigField(
        "norm epsilon",
        "warning",
        "small activations are normalised to another size",
        _key("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"),
        _NORM,
    ),
    ConfigField(
        "attention_bias",
        "warning",
        "one of the two says that tensors are there which the other says are not",
        _key("attention_bias", "qkv_bias", "use_qkv_bias", default=False),
        _ATTN,
    ),
    ConfigField(
        "mlp_bias",
        "warning",
        "one of the two says that tensors are there which the other says are not",
        _key("mlp_bias", default=False),
        _MLP,
    ),
    ConfigField(
        "attn_logit_softcapping",
        "warning",
        _SCALED,
        _key("attn_logit_softcapping", default=None),
        _ATTN,
    ),
    ConfigField(
        "final_logit_softcapping", "warning", _SCALED, _key("final_logit_softcapping", default=None)
    ),
    ConfigField("logit_scale", "warning", _SCALED, _key("logit_scale", "logits_scaling")),
    ConfigField(
        "num_experts_per_tok",
        "warning",
        _EXPERTS,
        _key("num_experts_per_tok", "moe_top_k", "num_selected_experts", "moe_k"),
        _ROUTER,
    ),
    ConfigField("norm_topk_prob", "warning", _EXPERTS, _key("norm_topk_prob"), _ROUTER),
    ConfigField("scoring_func", "warning", _EXPERTS, _key("scoring_func"), _ROUTER),
    ConfigField("n_group", "warning", _EXPERTS, _key("n_group"), _ROUTER),
    ConfigField("topk_group", "warning", _EXPERTS, _key("topk_group"), _ROUTER),
    ConfigField(
        "routed_scaling_factor", "warning", _EXPERTS, _key("routed_scaling_factor"), _ROUTER
    ),
    ConfigField(
        "vision_feature_layer",
        "warning",
        "the language model was trained to see the output of another layer",
        _key("vision_feature_layer"),
    ),
    ConfigField(
        "architectures",
        "note",
        "the child is loaded by the class that the first one names",
        _key("architectures"),
    ),
    ConfigField(
        "max_position_embeddings",
        "note",
        "the child takes the first one's limit; no weight depends on it",
        _key("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    ),
)
"""All of them, in the order in which differences are told."""
