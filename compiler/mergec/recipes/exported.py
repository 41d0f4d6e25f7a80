"""The `export` of an imported recipe: dtype, vocabulary, and what the spec does otherwise."""

from collections.abc import Sequence

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, Span, fail
from mergec.frozen import frozen
from mergec.recipes.fields import Reader
from mergec.recipes.methods import RANDOM
from mergec.recipes.recipe import Input, Recipe, Reference, TokenRow
from mergec.recipes.sources import Sources
from mergec.syntax.literals import string_text

_NARROW = {"bf16": "bfloat16", "f16": "float16"}


@frozen
class Exported:
    """Writes the settings of one recipe's export, and tells what differs."""

    recipe: Recipe
    sources: Sources
    reader: Reader

    def settings(self) -> str:
        """`{ dtype = bf16, ... }`, or nothing."""
        found: list[str] = []
        dtype = self.recipe.out_dtype or self.recipe.dtype
        if dtype is not None:
            found.append(f"dtype = {dtype}")
        found += self._vocabulary()
        return f" {{ {', '.join(found)} }}" if found else ""

    def _vocabulary(self) -> list[str]:
        tokenizer = self.recipe.tokenizer
        if tokenizer is None:
            return []
        self._differs(
            "mergekit cuts off rows behind the last token, and a row of padding is the mean of all",
            tokenizer.span,
            "here rows of padding stay as they are, and new ones are zeros",
        )
        named = [row.model for row in tokenizer.rows if row.model is not None]
        if isinstance(tokenizer.source, Reference):
            named.append(tokenizer.source)
        for model in named:
            if self.sources.is_stage(model):
                message = f"{quoted(model)} is made by this file, and has no tokenizer before"
                raise fail("E912", message, model.span, help="name one of the models it is made of")
        found = [f"tokenizer = {self._tokenizer(tokenizer.source, tokenizer.span)}"]
        if tokenizer.pad_to_multiple_of is not None:
            found.append(f"pad_to_multiple_of = {tokenizer.pad_to_multiple_of}")
        if tokenizer.rows:
            found.append(f"rows = [{', '.join(map(self._row, tokenizer.rows))}]")
        return found

    def _tokenizer(self, source: str | Reference, span: Span) -> str:
        if isinstance(source, Reference):
            return self.sources.name(source.plain)
        models = self._models()[: 1 if source == "base" else None]
        if any(self.sources.is_stage(each) for each in models):
            message = f"`{source}` is a tokenizer of models that this file makes itself"
            raise fail("E912", message, span, help="name the model whose tokenizer is meant")
        names = list(dict.fromkeys(self.sources.name(each.plain) for each in models))
        return names[0] if len(names) == 1 else f"union({', '.join(names)})"

    def _models(self) -> list[Reference]:
        """All models, the base first."""
        base = [self.recipe.base] if self.recipe.base is not None else []
        return list(dict.fromkeys([*base, *(each.model for each in all_inputs(self.recipe))]))

    def _row(self, row: TokenRow) -> str:
        token = string_text(row.token)
        source = "0" if row.model is None else self.sources.name(row.model.plain)
        of = ""
        if row.of is not None:
            of = f", of={string_text(row.of) if isinstance(row.of, str) else row.of}"
        return f"row({token}, {source}{of}{', force=true' if row.force else ''})"

    def tell(self) -> None:
        """W905 and W906 for what is done otherwise, or not at all."""
        recipe = self.recipe
        if recipe.chat_template is not None:
            message = "a spec has no chat template: the child has that of its tokenizer"
            hint = "write it into the child's tokenizer_config.json"
            self.reader.report(Diagnostic("W906", message, recipe.chat_template, help=(hint,)))
        computes = recipe.method.text != "passthrough"
        if computes and recipe.dtype in _NARROW and recipe.dtype_span is not None:
            word = _NARROW[recipe.dtype]
            message = f"mergekit rounds every model to {word} first, and much of what it computes"
            self._differs(message, recipe.dtype_span, "here the result alone is rounded")
        if recipe.method.text in RANDOM:
            message = "which entries are dropped is drawn by another generator"
            hint = "the shares are the same; `seed=` in the spec draws other ones"
            self._differs(message, recipe.method.span, hint)
        if recipe.method.text == "arcee_fusion":
            message = "mergekit writes float32 whatever `dtype` says, and samples large tensors"
            hint = "here the threshold is exact, and `dtype` holds"
            self._differs(message, recipe.method.span, hint)
        self._tell_donor()

    def _tell_donor(self) -> None:
        inputs = all_inputs(self.recipe)
        first = self._first(inputs)
        if self.recipe.base is None and len({each.model for each in inputs}) > 1:
            message = "without a base, mergekit copies config.json from a model drawn by chance"
            hint = f"here it is that of {quoted(first)}, the first"
            self._differs(message, self.recipe.method.span, hint)
        elif self.recipe.base is not None and first.plain != self.recipe.base.plain:
            message = f"mergekit copies config.json and tokenizer from {quoted(self.recipe.base)}"
            hint = f"here they are those of {quoted(first)}, the first model"
            self._differs(message, self.recipe.base.span, hint)

    def _first(self, inputs: Sequence[Input]) -> Reference:
        """The model whose small files the child has."""
        part = self.recipe.modules[0].slices[0]
        base = part.base or self.recipe.base
        whole = all(each.layers is None for each in part.inputs)
        if base is not None and (whole or any(each.model == base for each in part.inputs)):
            return base
        return inputs[0].model

    def _differs(self, message: str, span: Span, hint: str) -> None:
        self.reader.report(Diagnostic("W905", message, span, help=(hint,)))


def all_inputs(recipe: Recipe) -> list[Input]:
    """The inputs of all slices, in the order of the recipe."""
    return [each for module in recipe.modules for part in module.slices for each in part.inputs]
