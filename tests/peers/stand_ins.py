"""Tiny models that stand in for those of a recipe, made by transformers as people's are.

Each family has a `base` and three fine-tunes of it, `a`, `b` and `c`, in float32, with a tokenizer;
`words` has models whose tokenizers differ, `odd` a fine-tune twice, its negative, and zeros.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

LAYERS = 4
VOCABULARY = 64
# Far enough apart that most tensors are not all but parallel, near enough to be fine-tunes.
_SPREAD = 0.2
_STEP = 0.02


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of a model in the order of their ids, and how many rows it has."""

    tokens: tuple[str, ...]
    added: tuple[str, ...] = ()
    rows: int = VOCABULARY
    template: str = ""


def write_family(family: str, folder: Path) -> None:
    """The models of a family, each in a folder of its name."""
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (name, words) in enumerate(_WORDS[family].items()):
            model = _MADE[family](transformers, words.rows)
            torch.manual_seed(0)
            _fill(model)
            seed, factor = _ODD.get(name, (number, 1))
            torch.manual_seed(seed)
            _move(model, _STEP * bool(seed), factor)
            model.save_pretrained(folder / name)
            write_tokenizer(folder / name, words)
            if (family, name) == ("llama", "c"):
                write_adapter(model, folder / "lora")


def write_adapter(model: Any, folder: Path) -> None:
    """A low-rank adapter of a model, as peft saves one."""
    peft: Any = import_module("peft")
    torch: Any = import_module("torch")
    names = ["q_proj", "down_proj"]
    made = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=6, target_modules=names))
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            if "lora_" in name:
                tensor.copy_(_STEP * torch.randn(tensor.shape))
    made.save_pretrained(folder)


def write_tokenizer(folder: Path, words: Words) -> None:
    """A tokenizer of whole words, as transformers saves one."""
    tokenizers: Any = import_module("tokenizers")
    transformers: Any = import_module("transformers")
    ids = {token: number for number, token in enumerate(words.tokens)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    wrapped.add_tokens([*words.added])
    if words.template:
        wrapped.chat_template = words.template
    wrapped.save_pretrained(folder)


_TOKENS = ("<s>", "</s>", "<unk>", *(f"w{number}" for number in range(VOCABULARY - 3)))
_TEMPLATE = "{% for message in messages %}<{{ message.role }}> {{ message.content }}{% endfor %}"
# Which fine-tune an odd model is, and what its entries are multiplied by.
_ODD: Mapping[str, tuple[int, float]] = {"twin": (1, 1), "minus": (1, -1), "zeros": (0, 0)}
_SAME = {name: Words(_TOKENS) for name in ("base", "a", "b", "c")}
_WORDS: Mapping[str, Mapping[str, Words]] = {
    "llama": _SAME,
    "gpt2": _SAME,
    "bert": _SAME,
    "bare bert": _SAME,
    "masked bert": _SAME,
    "tied": _SAME,
    "odd": {name: Words(_TOKENS) for name in ("base", "a", *_ODD)},
    "words": {
        "base": Words(_TOKENS),
        "other": Words(_TOKENS),
        "same": Words(_TOKENS, template=_TEMPLATE),
        "more": Words(_TOKENS, ("<|im_start|>", "<|im_end|>"), VOCABULARY + 2, _TEMPLATE),
        "turned": Words((*_TOKENS[:3], *reversed(_TOKENS[3:-1]), "new")),
        "padded": Words(_TOKENS, rows=VOCABULARY + 8),
    },
}


def _fill(model: Any) -> None:
    """The same entries for all models, whatever they have drawn, but for rows of tokens."""
    torch: Any = import_module("torch")
    with torch.no_grad():
        tables = [it for it in model.parameters() if it.dim() == 2 and len(it) >= VOCABULARY]
        others = [it for it in model.parameters() if all(it is not table for table in tables)]
        for tensor in (*others, *tables):
            drawn = _SPREAD * torch.randn(tensor.shape)
            tensor.copy_(drawn if tensor.dim() > 1 else tensor + drawn)


def _move(model: Any, by: float, factor: float) -> None:
    torch: Any = import_module("torch")
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(by * torch.randn(tensor.shape)).mul_(factor)


def _llama(transformers: Any, rows: int, *, tied: bool = False) -> Any:
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=rows,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=32,
            tie_word_embeddings=tied,
        )
    )


def _gpt2(transformers: Any, rows: int) -> Any:
    sizes = {"n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_positions": 32}
    ids = {"bos_token_id": 0, "eos_token_id": 1}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=rows, **sizes, **ids))


def _bert(kind: str) -> Callable[[Any, int], Any]:
    def made(transformers: Any, rows: int) -> Any:
        config = transformers.BertConfig(
            vocab_size=rows,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=32,
        )
        return getattr(transformers, kind)(config)

    return made


_MADE: Mapping[str, Callable[[Any, int], Any]] = {
    "llama": _llama,
    "words": _llama,
    "odd": _llama,
    "tied": partial(_llama, tied=True),
    "gpt2": _gpt2,
    "bert": _bert("BertForSequenceClassification"),
    "bare bert": _bert("BertModel"),
    "masked bert": _bert("BertForMaskedLM"),
}
