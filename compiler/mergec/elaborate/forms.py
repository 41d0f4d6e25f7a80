"""The calls that are part of the language and no operators: their pages for `mergec explain`."""

from collections.abc import Mapping
from types import MappingProxyType

from mergec.catalog.architecture import ROLES
from mergec.elaborate.facts import FACTS
from mergec.frozen import frozen


@frozen
class Form:
    """One form: how it is written, what it means, and an example."""

    name: str
    signature: str
    page: str


_ROLES = ", ".join(ROLES)
_FORMS = (
    Form(
        "model",
        'model("ref"; id="label", rev="main")',
        "Declare a source.\n\nA reference that begins with `./`, `../` or `/` is a path, relative "
        "to the spec.\n`id` is the label that random masks and reports know the source by; by "
        'default the\nreference.\n\nExample    base = model("./base")',
    ),
    Form(
        "adapter",
        'adapter("ref"; id="label", rev="main")',
        "Declare a low-rank adapter, in PEFT's format.\n\nIt is a delta of whatever model it is "
        "added to: `base + lora`, `base + 0.5*lora`,\n`ties(base, lora, code; density=0.5)`. "
        "`id` and the reference are as for `model`.\n\n"
        'Example    lora = adapter("./lora")',
    ),
    Form(
        "match",
        "match { selector => value, ..., else => value }",
        "Choose for each tensor: a number, a model or a delta; the first arm that fits decides.\n\n"
        f"Selectors  {_ROLES};\n           layers(a..b); a pattern of names in quotes, with `*` "
        "and `?`; combined by & | ! ()\nEdge cases a tensor that no arm fits is an error · an arm "
        "that fits no tensor, or only tensors\n           of earlier arms, is a warning\n"
        "Example    t = match { attn => 0.3, layers(0..8) & mlp => 0.5, else => 0.4 }",
    ),
    Form(
        "ramp",
        "ramp(x1, x2, ...)",
        "A number that runs piecewise linearly over the layers.\n\nThe first value holds at the "
        "first layer and before the layers, the last at the last layer\nand after them; the others "
        "are evenly spaced between.\n\nExample    slerp(a, b, t=ramp(0, 0.5, 1))",
    ),
    Form(
        "stack",
        "stack(a[0..24], b[8..32]; untie=false)",
        "The layers of all parts, one after the other, numbered anew; `a ++ b` says the same.\n\n"
        "What stands before the layers comes from the first part, what stands after them from "
        "the\nlast. config.json gets the new number of layers, and what it says of each layer.\n\n"
        "Parameters untie: give the child a head of its own where the parts' heads are tied to\n"
        "           their embeddings\nExample    tall = base[..24] ++ base[8..]",
    ),
    Form(
        "select",
        "select(x, selector)",
        "Those tensors of a value that a selector selects; the others are not part of the view.\n\n"
        "Example    select(base, attn & !bias)",
    ),
    Form(
        "rename",
        'rename(x, "old.*" => "new.*", ...)',
        "A value under other tensor names: for each name the first rule that fits, if any does.\n\n"
        "Edge cases two tensors of one new name are an error · a rule that fits no name is an "
        'error\nExample    rename(chat, "*" => "language_model.*")',
    ),
    Form(
        "as_model",
        'as_model(x, why="...")',
        "Call any weights a model, whatever their mass, for a reason that the plan shows.\n\n"
        'Example    as_model(a + b, why="the published recipe adds the weights")',
    ),
)
FORMS: Mapping[str, Form] = MappingProxyType({form.name: form for form in _FORMS})
"""Every form by its name."""


def form_page(name: str) -> str | None:
    """The page of a form or of a fact that contracts ask for; None for any other name."""
    form = FORMS.get(name)
    if form is not None:
        return f"{form.signature}\n\n{form.page}\n"
    fact = FACTS.get(name)
    if fact is None:
        return None
    low, high = fact.operands
    operands = ["x", "y"][:low] + (["..."] if high is None else [])
    phase = (
        "Known when a run has seen all weights; if the contract fails nothing is published."
        if fact.statistic
        else "Known from headers and small files, before a weight is read."
    )
    return f"{name}({', '.join(operands)})\n\nIn `require`: {fact.doc}.\n\n{phase}\n"
