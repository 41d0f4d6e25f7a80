"""Parents that meet in an export: what is found about them, and what is let pass."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mergec.api.specs import check_spec
from mergec.diagnostics import Diagnostic, MergecError
from mergec.plan.findings import Finding
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import bf16, f32, integers, write_checkpoint

LLAMA = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 2}
SHAPES: Mapping[str, Sequence[int]] = {
    "lm_head.weight": (8, 4),
    "model.embed_tokens.weight": (8, 4),
    **{f"model.layers.{n}.self_attn.q_proj.weight": (4, 4) for n in range(2)},
    **{f"model.layers.{n}.mlp.up_proj.weight": (8, 4) for n in range(2)},
    "model.norm.weight": (4,),
}
HEAD = "lm_head.weight"


class Bench:
    """A folder with checkpoints, and what `check` says of specs over them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(
        self,
        name: str,
        config: Mapping[str, object] | None = None,
        more: Mapping[str, Tensor] | None = None,
        without: str = "nothing",
    ) -> None:
        """A checkpoint with these settings, more tensors, and none that `without` is part of."""
        tensors = {
            tensor: bf16(f"{name} {tensor}", shape)
            for tensor, shape in SHAPES.items()
            if without not in tensor
        }
        write_checkpoint(
            self.root / name, {**tensors, **(more or {})}, config={**LLAMA, **(config or {})}
        )

    def check(self, *lines: str) -> tuple[list[Finding], tuple[Diagnostic, ...]]:
        """The table and the diagnostics of a spec over `a`, `b` and `c`."""
        names = [name for name in "abc" if (self.root / name).exists()]
        text = [f'{name} = model("./{name}")' for name in names] + [*lines]
        (self.root / "spec.merge").write_text("\n".join(text) + "\n")
        table: list[Finding] = []
        try:
            told = check_spec(self.root / "spec.merge", tell=table.extend)
        except MergecError as error:
            told = error.diagnostics
        return table, told

    def codes(self, *lines: str) -> list[str]:
        """The codes alone, those of unused bindings aside."""
        return [each.code for each in self.check(*lines)[1] if each.code not in ("W201", "W207")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_equal_settings_are_no_finding(bench: Bench) -> None:
    bench.put("a")
    bench.put("b")
    assert bench.check("child = linear(a, b)") == ([], ())


def test_each_other_parent_is_compared_with_the_one_that_gives_the_config(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", {"num_attention_heads": 4})
    bench.put("c", {"num_attention_heads": 1, "rms_norm_eps": 1e-6})
    table, told = bench.check("child = ties(a, b, c; density=0.3)")
    assert [(each.code, each.sources, each.subject, each.values) for each in table] == [
        ("E420", ("./a", "./b"), "num_attention_heads", ("2", "4")),
        ("E420", ("./a", "./c"), "num_attention_heads", ("2", "1")),
        (None, ("./a", "./c"), "norm epsilon", ("not stated", "1e-06")),
    ]
    assert [each.code for each in told] == ["E420", "E420"]


def test_both_parents_are_pointed_at(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", {"num_attention_heads": 4})
    (found,) = bench.check("child = linear(a, b)")[1]
    assert found.span is not None
    assert (found.span.source.text[found.span.start : found.span.end], found.label) == (
        'model("./b")',
        "4 here",
    )
    assert [label.text for label in found.labels] == ["2 here"]


def test_a_source_that_no_output_reads_is_not_compared(bench: Bench) -> None:
    bench.put("a")
    bench.put("b")
    bench.put("c", {"num_attention_heads": 4})
    assert bench.codes("spare = linear(b, c)", "child = linear(a, b)", 'export child as "x"') == []


def test_a_setting_matters_where_its_tensors_are_taken(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", {"num_attention_heads": 4})
    assert bench.codes("child = match { mlp => linear(a, b), else => a }") == []
    assert bench.codes("child = match { attn => linear(a, b), else => a }") == ["E420"]
    assert bench.codes("child = a[0..1] ++ b[1..2]") == ["E420"]


def test_a_warning_is_allowed_where_the_parent_is_named(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", {"model_type": "mistral"})
    assert bench.codes("child = linear(a, b)") == ["W404"]
    lines = ["# mergec: allow W404 because they are one code", 'd = model("./b", id="d")']
    assert bench.codes(*lines, "child = linear(a, d)") == []


def test_dtypes_that_differ_are_a_note(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", more={"model.norm.weight": f32(1.0, 1.0, 1.0, 1.0)})
    table, told = bench.check("child = linear(a, b)")
    assert [(each.severity, each.subject, each.values) for each in table] == [
        ("note", "dtype", ("bf16", "bf16, f32"))
    ]
    assert told == ()


def test_code_is_a_warning_at_the_base_and_a_note_elsewhere(bench: Bench) -> None:
    code = {"auto_map": {"AutoModel": "modeling_x.X", "AutoConfig": ["configuration_x.C", None]}}
    bench.put("a")
    bench.put("b", code)
    table, told = bench.check("child = linear(a, b)")
    assert [(each.severity, each.subject, each.values) for each in table] == [
        ("note", "auto_map", ("`configuration_x.C`, `modeling_x.X`",))
    ]
    assert told == ()
    assert bench.codes("child = linear(b, a)") == ["W406"]


GPTQ: dict[str, object] = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
QUANTISED: dict[str, tuple[dict[str, object], str, Tensor, str]] = {
    "gptq": (GPTQ, "model.layers.0.self_attn.q_proj.qweight", integers("I32", 1), "GPTQ"),
    "awq without config": ({}, "model.layers.0.mlp.qzeros", integers("I32", 1), "GPTQ or AWQ"),
    "nf4": (
        {"quantization_config": {"load_in_4bit": True}},
        "model.norm.weight.quant_state.bitsandbytes__nf4",
        ("U8", [2], bytes(2)),
        "bitsandbytes",
    ),
    "int8": ({}, "model.layers.0.mlp.SCB", f32(1.0), "bitsandbytes"),
    "fp8 blocks": ({}, "model.layers.0.mlp.up_proj.weight_scale_inv", f32(1.0), "8-bit floats"),
    "packed": ({}, "model.layers.0.mlp.weight_packed", integers("I32", 1), "compressed-tensors"),
    "mxfp4": ({}, "model.layers.0.mlp.experts.gate_up_proj_blocks", ("U8", [2], bytes(2)), "MXFP4"),
    "own": (
        {"quantization_config": {"quant_method": "mine\x1b"}},
        "model.layers.1.extra.weight",
        integers("I32", 1),
        "`mine\\x1b`",
    ),
}


@pytest.mark.parametrize("case", QUANTISED)
def test_quantised_weights_are_refused_with_a_way_out(bench: Bench, case: str) -> None:
    config, name, tensor, form = QUANTISED[case]
    bench.put("a")
    bench.put("b", config, {name: tensor})
    (found,) = bench.check("child = linear(a, b)")[1]
    assert (found.code, found.exit) == ("E421", 5)
    assert form in found.message
    assert found.help is not None
    assert "bf16" in found.help[0]


def test_quantised_weights_may_be_copied(bench: Bench) -> None:
    bench.put("a", GPTQ, {"model.layers.0.self_attn.q_proj.qweight": integers("I32", 1)})
    assert bench.codes("child = a[0..1] ++ a[0..2]") == []


def test_integers_that_no_method_is_stated_for_are_no_sign_of_quantisation(bench: Bench) -> None:
    extra = {"model.layers.0.steps.weight": integers("I64", 3)}
    bench.put("a", more=extra)
    bench.put("b", more=extra)
    assert bench.codes("child = linear(a, b)") == []


TIED = {"tie_word_embeddings": True}


@pytest.mark.parametrize("child", ["linear(a, b)", "linear(b, a)", "a + (b - a) / 2", "ties(b, a)"])
def test_parents_that_disagree_about_the_head_are_an_error(bench: Bench, child: str) -> None:
    bench.put("a", TIED, without=HEAD)
    bench.put("b")
    (found,) = bench.check(f"child = {child}")[1]
    assert found.code == "E422"
    assert found.help is not None
    assert [hint.split("`")[1] for hint in found.help] == [
        "stack(a; untie=true)",
        "select(b, !head)",
    ]


def test_either_fix_is_right(bench: Bench) -> None:
    bench.put("a", TIED, without=HEAD)
    bench.put("b")
    assert bench.codes("child = linear(stack(a; untie=true), b)") == []
    assert bench.codes("child = linear(a, select(b, !head))") == []


def test_a_head_may_come_from_one_parent_by_an_arm(bench: Bench) -> None:
    bench.put("a", TIED, without=HEAD)
    bench.put("b")
    assert bench.codes("child = match { head => b, else => linear(select(b, !head), a) }") == []


def test_a_second_copy_of_a_tied_head_is_a_note(bench: Bench) -> None:
    bench.put("a", TIED, without=HEAD)
    bench.put("b", TIED)
    table, told = bench.check("child = linear(a, b)")
    assert [(each.severity, each.sources, each.subject) for each in table] == [
        ("note", ("./b",), "tie_word_embeddings")
    ]
    assert told == ()


def test_the_table_is_told_with_errors_too(bench: Bench) -> None:
    bench.put("a")
    bench.put("b", {"num_attention_heads": 4})
    table, told = bench.check("child = linear(a, b)")
    assert (len(table), [each.severity for each in told]) == (1, ["error"])


def test_a_config_of_any_json_is_compared_or_left_aside(bench: Bench) -> None:
    odd: dict[str, object] = {
        "num_attention_heads": [2],
        "model_type": ["llama"],
        "rope_scaling": [1],
        "auto_map": 5,
        "quantization_config": {"quant_method": [3]},
        "architectures": {"x": 1},
        "text_config": 7,
    }
    bench.put("a")
    bench.put("b", odd)
    _, told = bench.check("child = linear(a, b)")
    assert {each.code for each in told} <= {"E420", "W404", "W405"}
    assert json.loads((bench.root / "b" / "config.json").read_text())["auto_map"] == 5


SETTINGS = {"hidden_size": 4, "intermediate_size": 8, "vocab_size": 8}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"hidden_size": 6},
            "`lm_head.weight` is [8,4], not [8,6], which is [vocab_size, hidden_size]",
        ),
        ({"vocab_size": 9}, "`lm_head.weight` is [8,4], not [9,4]"),
        ({"intermediate_size": 9}, "`model.layers.0.mlp.up_proj.weight` is [8,4], not [9,4]"),
        ({"head_dim": 3}, "`model.layers.0.self_attn.q_proj.weight` is [4,4], not [6,4]"),
        ({"num_hidden_layers": 1}, "`num_hidden_layers` is 1, and there are 2 layers"),
        ({"num_hidden_layers": 3}, "`num_hidden_layers` is 3, and there are 2 layers"),
    ],
)
def test_the_tensors_of_the_child_are_those_of_its_config(
    bench: Bench, config: Mapping[str, object], said: str
) -> None:
    settings = {**SETTINGS, **config}
    bench.put("a", settings)
    bench.put("b", settings)
    (found,) = bench.check("child = linear(a, b)")[1]
    assert (found.code, found.exit) == ("E423", 5)
    assert any(note.startswith(said) for note in found.notes)


def test_a_config_that_fits_is_no_finding(bench: Bench) -> None:
    bench.put("a", SETTINGS)
    bench.put("b", SETTINGS)
    assert bench.codes("child = linear(a, b)") == []
    assert bench.codes("child = a[0..2] ++ b[1..2]") == []


def test_a_layer_that_lacks_what_other_layers_have_is_an_error(bench: Bench) -> None:
    for name in "ab":
        bench.put(name, SETTINGS, without="layers.1.self_attn")
    (found,) = bench.check("child = linear(a, b)")[1]
    assert found.code == "E423"
    assert found.notes == ("layer 1 lacks `self_attn.q_proj.weight`, which other layers have",)


UNTIED = {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False}


def test_a_head_that_the_config_promises_must_be_there(bench: Bench) -> None:
    bench.put("a", UNTIED, without=HEAD)
    bench.put("b", UNTIED, without=HEAD)
    assert bench.codes("child = linear(a, b)") == ["E424"]
    assert bench.codes("child = select(linear(a, b), !embed)") == ["W401"]


def test_leaving_out_the_head_of_the_base_leaves_a_config_that_promises_one(bench: Bench) -> None:
    bench.put("a", TIED, without=HEAD)
    bench.put("b", UNTIED)
    assert bench.codes("child = linear(select(b, !head), a)") == ["E424", "W401"]
    assert bench.codes("child = linear(a, select(b, !head))") == []


def test_the_encoder_of_a_language_model_has_no_head_to_miss(bench: Bench) -> None:
    encoder = {"architectures": ["LlamaModel"], "tie_word_embeddings": False}
    bench.put("a", encoder, without=HEAD)
    bench.put("b", encoder, without=HEAD)
    assert bench.codes("child = linear(a, b)") == []
