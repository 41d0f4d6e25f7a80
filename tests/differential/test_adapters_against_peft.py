"""`base + lora` against `merge_and_unload` of peft, and combinations against float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.api import compile_spec, execute

pytestmark = [
    pytest.mark.slow,  # the imports take seconds
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
transformers: Any = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")
peft: Any = pytest.importorskip("peft")
safetensors: Any = pytest.importorskip("safetensors.torch")

LLAMA = {
    "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "attention_bias": True,
}  # fmt: skip
GPT2 = {"vocab_size": 32, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16}
Q, DOWN = "layers.0.self_attn.q_proj", "down_proj"

PLAIN = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"]}
KINDS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "rank-stabilised": {**PLAIN, "use_rslora": True},
    "patterns": {**PLAIN, "rank_pattern": {Q: 3}, "alpha_pattern": {DOWN: 5, Q: 7}},
    "embedding": {**PLAIN, "target_modules": ["embed_tokens", "v_proj"]},
    "saved": {**PLAIN, "modules_to_save": ["lm_head"]},
    "biases": {**PLAIN, "bias": "lora_only"},
    "lora-bias": {**PLAIN, "target_modules": ["q_proj"], "lora_bias": True},
    "dora": {**PLAIN, "use_dora": True},
    "dora-embedding": {**PLAIN, "use_dora": True, "target_modules": ["embed_tokens", "v_proj"]},
}
DTYPES = [pytest.param("float32", id="f32"), pytest.param("bfloat16", id="bf16")]


def base_model(folder: Path, dtype: str, kind: str = "llama") -> Any:
    if not (folder / "base").exists():
        torch.manual_seed(0)
        if kind == "gpt2":
            model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2))
        else:
            model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA))
        model.to(getattr(torch, dtype)).save_pretrained(folder / "base")
    auto = transformers.AutoModelForCausalLM
    return auto.from_pretrained(folder / "base", dtype=getattr(torch, dtype))


def adapter(folder: Path, name: str, settings: dict[str, Any], dtype: str, **kind: str) -> None:
    """An adapter whose factors are not zero, and the model that peft makes of it.

    It makes it twice: in the model's dtype, and without rounding, in float64.
    """
    made = peft.get_peft_model(base_model(folder, dtype, **kind), peft.LoraConfig(**settings))
    torch.manual_seed(len(name))
    for parameter in made.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn(parameter.shape).mul(0.1).to(parameter.dtype)
    for label, parameter in made.named_parameters():
        if "lora_magnitude_vector" in label:  # which are lengths
            parameter.data = torch.rand(parameter.shape).add(0.5).to(parameter.dtype)
    made.save_pretrained(folder / name)
    for suffix, wide in (("merged", False), ("exact", True)):
        again = peft.PeftModel.from_pretrained(base_model(folder, dtype, **kind), folder / name)
        again = again.double() if wide else again
        again.merge_and_unload().save_pretrained(folder / f"{name}-{suffix}")


def run(folder: Path, *lines: str) -> dict[str, Any]:
    spec = folder / "spec.merge"
    spec.write_text("\n".join(lines) + "\n")
    execute(compile_spec(spec), folder / "out")
    return tensors(folder / "out")


def tensors(folder: Path) -> dict[str, Any]:
    return dict(safetensors.load_file(folder / "model.safetensors"))


def units(found: Any, expected: Any, sizes: Any) -> float:
    """The largest difference, in units of the last place of the largest term."""
    last = torch.finfo(found.dtype).eps * 2.0 ** torch.floor(torch.log2(sizes.clamp_min(1e-30)))
    return float(((found.double() - expected.double()).abs() / last).max())


def require_alike(folder: Path, dtype: str) -> set[str]:
    """Ours is the exact sum, rounded once, and peft's own is near; the names of what changed."""
    ours = run(folder, *ONE)
    base, theirs, exact = (tensors(folder / x) for x in ("base", "lora-merged", "lora-exact"))
    assert ours.keys() == theirs.keys()
    # peft rounds a change to bf16 before it adds it, or every product and sum of it to f32.
    most = 1 if dtype == "bfloat16" else 8
    for name, found in ours.items():
        assert units(found, exact[name], exact[name].abs()) <= 0.5001, name
        largest = torch.maximum(base[name].double().abs(), theirs[name].double().abs())
        step = (exact[name].double() - base[name].double()).abs().max()
        assert units(found, theirs[name], largest.clamp_min(float(step))) <= most, name
    return {name for name, found in ours.items() if not torch.equal(found, base[name])}


ONE = ('base = model("./base")', 'lora = adapter("./lora")', "child = base + lora")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_with_an_adapter_is_what_peft_merges(kind: str, dtype: str, tmp_path: Path) -> None:
    adapter(tmp_path, "lora", KINDS[kind], dtype)
    assert len(require_alike(tmp_path, dtype)) >= 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_element_is_farther_from_the_exact_sum_than_peft_s(dtype: str, tmp_path: Path) -> None:
    """And peft's is as near as its roundings allow: of 4 products, their sum, the scale, and W."""
    adapter(tmp_path, "lora", PLAIN, dtype)
    ours = run(tmp_path, *ONE)
    base, theirs, exact = (tensors(tmp_path / x) for x in ("base", "lora-merged", "lora-exact"))
    terms = loaded_steps(tmp_path, "lora", dtype, magnitudes=True)
    rounded, unit = 0, torch.finfo(torch.float32).eps / 2
    for name, found in ours.items():
        gap = (found.double() - exact[name].double()).abs()
        other = (theirs[name].double() - exact[name].double()).abs()
        assert bool((gap <= other).all()), name
        bound = (4 + 2) * unit * (base[name].double().abs() + terms.get(name, 0.0))
        if dtype == "bfloat16":  # rounded to it once, from float32
            bound += torch.finfo(found.dtype).eps / 2 * theirs[name].double().abs()
        assert bool((other <= bound).all()), name
        rounded += int((gap < other).sum())
    assert rounded > 100 or dtype == "bfloat16"


def test_layers_that_are_stored_transposed_change_by_the_transposed_product(
    tmp_path: Path,
) -> None:
    settings = {"r": 3, "lora_alpha": 5, "target_modules": ["c_attn", "c_proj"]}
    adapter(tmp_path, "lora", {**settings, "fan_in_fan_out": True}, "float32", kind="gpt2")
    assert len(require_alike(tmp_path, "float32")) == 6


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_adapters_with_scales_add_up(dtype: str, tmp_path: Path) -> None:
    adapter(tmp_path, "one", {**PLAIN, "lora_alpha": 6}, dtype)
    adapter(tmp_path, "two", {**KINDS["patterns"], "use_rslora": True}, dtype)
    lines = ['base = model("./base")', 'l1 = adapter("./one")', 'l2 = adapter("./two")']
    ours = run(tmp_path, *lines, "child = base + 0.5*l1 - 0.25*l2")
    base = tensors(tmp_path / "base")
    steps = [loaded_steps(tmp_path, name, dtype) for name in ("one", "two")]
    touched = 0
    for name, found in ours.items():
        wide = base[name].double()
        for part, step in zip((0.5, -0.25), steps, strict=True):
            wide = wide + part * step[name] if name in step else wide
            touched += name in step
        # One rounding of the exact sum, and so at most half a unit.
        assert units(found, wide, wide.abs()) <= 0.5001, name
    assert touched == 8


def loaded_steps(
    folder: Path, name: str, dtype: str, *, magnitudes: bool = False
) -> dict[str, Any]:
    """What peft would add for an adapter, in float64; or with the magnitudes of its terms."""
    made = peft.PeftModel.from_pretrained(base_model(folder, dtype), folder / name)
    found: dict[str, Any] = {}
    for path, module in made.base_model.model.named_modules():
        if "default" in getattr(module, "lora_A", {}):
            a = module.lora_A["default"].weight.detach().double()
            b = module.lora_B["default"].weight.detach().double()
            a, b = (a.abs(), b.abs()) if magnitudes else (a, b)
            found[f"{path}.weight"] = (b @ a) * module.scaling["default"]
    return found


def test_an_operator_on_an_adapter_is_that_operator_on_the_merged_model(tmp_path: Path) -> None:
    adapter(tmp_path, "lora", PLAIN, "float32")
    lines = ['base = model("./base")', 'lora = adapter("./lora")']
    child = "child = ties(base, lora, 0.5*lora; density=0.5)"
    ours = run(tmp_path, *lines, child)
    merged = ['base = model("./base")', 'full = model("./lora-merged")']
    (tmp_path / "out").rename(tmp_path / "first")
    other = run(tmp_path, *merged, child.replace("lora", "(full - base)"))
    for name, found in ours.items():
        assert np.allclose(found.numpy(), other[name].numpy(), rtol=1e-4, atol=1e-5), name


def test_a_sum_of_adapters_is_peft_s_concatenation(tmp_path: Path) -> None:
    adapter(tmp_path, "one", {**PLAIN, "lora_alpha": 6}, "float32")
    adapter(tmp_path, "two", {"r": 3, "lora_alpha": 7, "target_modules": ["q_proj"]}, "float32")
    made = peft.PeftModel.from_pretrained(base_model(tmp_path, "float32"), tmp_path / "one", "one")
    made.load_adapter(tmp_path / "two", "two")
    made.add_weighted_adapter(["one", "two"], [0.5, 0.25], "both", combination_type="cat")
    theirs = {
        f"{path}.weight": module.get_delta_weight("both").detach()
        for path, module in made.base_model.model.named_modules()
        if "both" in getattr(module, "lora_A", {})
    }
    spec = tmp_path / "sum.merge"
    heads = ['one = adapter("./one")', 'two = adapter("./two")']
    spec.write_text("\n".join([*heads, 'export delta 0.5*one + 0.25*two as "both"']) + "\n")
    execute(compile_spec(spec), tmp_path / "both")
    ours = loaded_steps(tmp_path, "both", "float32")
    assert ours.keys() == theirs.keys()
    for name, found in ours.items():
        assert np.allclose(found.numpy(), theirs[name].numpy(), rtol=1e-5, atol=1e-7), name
