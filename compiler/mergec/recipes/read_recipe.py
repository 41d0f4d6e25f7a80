"""A document of YAML to a recipe: the schema of mergekit 0.1.5."""

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, Span, fail
from mergec.recipes.fields import Known, Reader, items, required
from mergec.recipes.read_settings import read_settings
from mergec.recipes.read_tokenizer import read_tokenizer
from mergec.recipes.recipe import Input, Module, Recipe, Slice
from mergec.recipes.references import read_reference
from mergec.recipes.scalars import number_of, text_of, whole_of, wrong
from mergec.recipes.yaml_tree import Items, Members, Scalar, Tree

_CONTENTS = ("models", "slices", "modules")
_KEYS = (
    *_CONTENTS,
    *("merge_method", "base_model", "dtype", "out_dtype", "tokenizer_source", "tokenizer"),
    *("chat_template", "parameters", "name"),
)
# What only the recipe of a mixture of experts has.
_EXPERTS = ("experts", "gate_mode", "shared_experts", "experts_per_token")
_DTYPES = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64"}
_MAX_LAYER = 100_000


def read_recipe(tree: Tree, reader: Reader) -> Recipe | None:
    """The recipe of one document; None after reporting what is wrong with it."""
    if isinstance(tree, Members):
        experts = next((key for key, _ in tree.members if key.text in _EXPERTS), None)
        if experts is not None:
            raise _mixture(experts)
    known = reader.members(tree, "recipe", _KEYS)
    method = reader.attempt(_method, known, tree.span)
    modules = reader.attempt(_modules, known, tree.span, reader)
    shown = known.get("out_dtype") or known.get("dtype")
    recipe = Recipe(
        name=reader.optional(known, "name", _name),
        method=method or Scalar("", plain=True, span=tree.span),
        base=reader.optional(known, "base_model", read_reference),
        modules=modules or (),
        settings=read_settings(known, reader),
        dtype=reader.optional(known, "dtype", _dtype),
        out_dtype=reader.optional(known, "out_dtype", _dtype),
        tokenizer=reader.attempt(read_tokenizer, known, reader),
        chat_template=reader.optional(known, "chat_template", _template),
        span=tree.span,
        dtype_span=shown[1].span if shown is not None else None,
    )
    return recipe if method is not None and modules is not None else None


def _method(known: Known, span: Span) -> Scalar:
    _, value = required(known, "merge_method", "recipe", span)
    if not isinstance(value, Scalar):
        raise wrong(value, "merge_method", "the name of a method")
    return value


def _name(tree: Tree, what: str, reader: Reader) -> Scalar:
    text_of(tree, what, reader.report)
    assert isinstance(tree, Scalar)
    return tree


def _template(tree: Tree, what: str, reader: Reader) -> Span:
    text_of(tree, what, reader.report)
    return tree.span


def _dtype(tree: Tree, what: str, reader: Reader) -> str:
    word = text_of(tree, what, reader.report).removeprefix("torch.")
    if word not in _DTYPES:
        raise wrong(tree, what, "`bfloat16`, `float16`, `float32` or `float64`")
    return _DTYPES[word]


def _modules(known: Known, span: Span, reader: Reader) -> tuple[Module, ...]:
    given = [key for key in _CONTENTS if key in known]
    if len(given) != 1:
        have = "none of them" if not given else " and ".join(f"`{key}`" for key in given)
        message = f"a recipe has one of `models`, `slices` and `modules`, this one {have}"
        place = known[given[1]][0] if given else span
        raise fail("E909", message, place, help="list the models below `models:`")
    if "modules" not in known:
        return (_module("", known, span, reader),)
    tree = known["modules"][1]
    if not isinstance(tree, Members) or not tree.members:
        raise wrong(tree, "modules", "a mapping with at least one module")
    found: list[Module] = []
    for key, value in tree.members:
        inner = reader.members(value, key.text, ("models", "slices", "parameters"))
        if ("models" in inner) == ("slices" in inner):
            message = f"the module {quoted(key.text)} has one of `models` and `slices`"
            raise fail("E909", message, key.span, help="keep one of them")
        found.append(_module(key.text, inner, key.span, reader, own=True))
    return tuple(found)


def _module(name: str, known: Known, span: Span, reader: Reader, *, own: bool = False) -> Module:
    """A module from its `models` or `slices`; `own` if it has parameters of its own."""
    settings = read_settings(known if own else {}, reader)
    if "models" in known:
        listed = items(known["models"][1], "models")
        inputs = [reader.attempt(_input, tree, reader) for tree in listed]
        sound = tuple(each for each in inputs if each is not None)
        return Module(name, (Slice(sound, None, {}, known["models"][0]),), settings, span)
    listed = items(known["slices"][1], "slices")
    slices = [reader.attempt(_slice, tree, reader) for tree in listed]
    return Module(name, tuple(each for each in slices if each is not None), settings, span)


def _slice(tree: Tree, reader: Reader) -> Slice:
    keys = ("sources", "base_model", "residual_weight", "parameters")
    known = reader.members(tree, "slices", keys)
    if "residual_weight" in known:
        span, value = known["residual_weight"]
        number_of(value, "residual_weight", reader.report)
        reader.ignored(span, "`residual_weight` is read by mergekit and used nowhere")
    _, sources = required(known, "sources", "slices", tree.span)
    listed = items(sources, "sources")
    inputs = [reader.attempt(_source, each, reader) for each in listed]
    base = reader.optional(known, "base_model", read_reference)
    sound = tuple(each for each in inputs if each is not None)
    return Slice(sound, base, read_settings(known, reader), tree.span)


def _input(tree: Tree, reader: Reader) -> Input:
    known = reader.members(tree, "models", ("model", "parameters"))
    _, model = required(known, "model", "models", tree.span)
    reference = read_reference(model, "model", reader)
    return Input(reference, None, read_settings(known, reader), model.span)


def _source(tree: Tree, reader: Reader) -> Input:
    known = reader.members(tree, "sources", ("model", "layer_range", "parameters"))
    _, model = required(known, "model", "sources", tree.span)
    _, layers = required(known, "layer_range", "sources", tree.span)
    reference = read_reference(model, "model", reader)
    span = model.span
    return Input(reference, _layers(layers, reader), read_settings(known, reader), span)


def _layers(tree: Tree, reader: Reader) -> tuple[int, int]:
    if not isinstance(tree, Items) or len(tree.items) != 2:
        raise wrong(tree, "layer_range", "two numbers, as in `[0, 16]`")
    low, high = (whole_of(each, "layer_range", reader.report) for each in tree.items)
    if not 0 <= low <= _MAX_LAYER or not 0 <= high <= _MAX_LAYER:
        raise wrong(tree.items[0], "layer_range", "numbers of layers")
    if low >= high:
        what = "is empty" if low == high else "runs backwards"
        note = "mergekit takes it, and writes a model without these layers"
        hint = "write the first layer and the one after the last, as in `[0, 16]`"
        message = f"the range of layers {low} to {high} {what}"
        raise fail("E911", message, tree.span, notes=(note,), help=hint)
    return low, high


def _mixture(key: Scalar) -> MergecError:
    hint = "make it with `mergekit-moe`; the parents of the experts can be merged here first"
    message = "this recipe makes a mixture of experts, which a spec cannot say yet"
    return fail("E912", message, key.span, label="only `mergekit-moe` reads this", help=hint)
