"""Tokenizers in recipes, over models whose vocabularies differ."""

from tests.peers.recipe_case import Recipe, of_models

_GENERATION = "copied there only where the tokenizer's files are copied too"
_TEMPLATE = "a spec has no setting for it: the child gets that of its tokenizer"


def mixed(
    name: str,
    settings: str,
    models: str = "more turned",
    *,
    base: str = "base",
    note: str = "",
    differs: str = "",
    template: bool = False,
) -> Recipe:
    """Task arithmetic, or an average without a base, with settings of the tokenizer."""
    method = "task_arithmetic" if base else "linear"
    weights = [0.5 + number / 4 for number in range(len(models.split()))]
    text = of_models(method, models, base=base, each={"weight": weights}) + settings
    files = {"generation_config.json": _GENERATION}
    if template:
        files["chat template"] = _TEMPLATE
    return Recipe(name, method, text, "words", note=note, differs=differs, files=files)


VOCABULARIES = (
    mixed("tokenizer of the base", "tokenizer_source: base\n"),
    mixed("tokenizer of a model", "tokenizer_source: ./more\n"),
    mixed("union", "tokenizer_source: union\n"),
    mixed(
        "union, without a base",
        "tokenizer_source: union\n",
        "base other turned",
        base="",
        note="a token of two models out of three",
        differs="a token that a model lacks has the mean row of the others there, that of the "
        "first operand here",
    ),
    mixed("union of two vocabularies", "tokenizer: {source: union}\n", "more"),
    mixed(
        "padded to a multiple",
        "tokenizer: {source: base, pad_to_multiple_of: 16}\n",
        "more",
    ),
    mixed(
        "padded to a larger multiple",
        "tokenizer: {source: base, pad_to_multiple_of: 48}\n",
        "more",
        note="64 tokens in 96 rows",
        differs="rows of padding are the mean of all rows there, zeros here",
    ),
    mixed("a model with rows of padding", "tokenizer_source: base\n", "same padded"),
    mixed(
        "a forced token",
        "tokenizer:\n"
        "  source: union\n"
        "  tokens:\n"
        "    w5: {source: ./more, force: true}\n"
        '    "<|im_end|>":\n'
        "      source: {kind: model_token, model: ./base, token: </s>}\n"
        '    "<|im_start|>":\n'
        "      source: {kind: model_token, model: ./more, token_id: 1}\n"
        "      force: true\n"
        "    new: {source: {kind: zero}}\n",
    ),
    mixed("chat template by name", "chat_template: chatml\n", "same", template=True),
    mixed(
        "chat template as a text",
        'chat_template: "{% for m in messages %}[{{ m.content }}]{% endfor %}"\n',
        "same",
        template=True,
    ),
    mixed("chat template of most models", "chat_template: auto\n", "same", template=True),
)
