"""A recipe as the expression of a spec: calls of its method, slices stacked, modules matched."""

from dataclasses import dataclass, field

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, fail
from mergec.elaborate.print_names import Names
from mergec.recipes.calls import Values, Written, tell_of_base, write_call
from mergec.recipes.fields import Reader
from mergec.recipes.groups import Group, group_of
from mergec.recipes.lookup import Lookup
from mergec.recipes.methods import Method
from mergec.recipes.paper import write_paper_call
from mergec.recipes.recipe import Input, Module, Recipe, Slice
from mergec.recipes.sources import Sources

# As the modules of mergekit's architectures are called, and which tensors they are.
_MODULES = {
    "multi_modal_projector": '"*multi_modal_projector*" | "*visual.merger*" | "*merger_list*"',
    "vision_tower": "vision",
    "vision_model": "vision",
    "encoder": '"*encoder.*"',
    "shared": '"*shared.*"',
    "text_decoder": "else",
    "decoder": "else",
}
# A chain of `++` is as deep as it is long.
_MOST_SLICES = 190


@dataclass(slots=True)
class Composer:
    """Writes one recipe. `lines` are the bindings that its expression needs."""

    recipe: Recipe
    method: Method
    lookup: Lookup
    sources: Sources
    names: Names
    reader: Reader
    paper: bool
    lines: list[str] = field(default_factory=list[str])
    _bound: dict[str, str] = field(default_factory=dict[str, str])

    def expression(self) -> str:
        """What the recipe makes."""
        modules = self.recipe.modules
        if len(modules) == 1 and modules[0].name not in _MODULES:
            return self._module(modules[0])
        order = [*_MODULES]
        for module in modules:
            if module.name not in _MODULES:
                known = ", ".join(f"`{name}`" for name in order)
                message = f"which tensors {quoted(module.name)} is cannot be told"
                raise fail("E912", message, module.span, help=f"the modules known are {known}")
        ordered = sorted(modules, key=lambda module: order.index(module.name))
        arms = [f"{_MODULES[each.name]} => {self._module(each)}" for each in ordered]
        return f"match {{ {', '.join(arms)} }}"

    def _module(self, module: Module) -> str:
        groups = [group_of(part, self.recipe, self.method) for part in module.slices]
        if len(groups) > _MOST_SLICES:
            message = f"a spec stacks at most {_MOST_SLICES} slices, and here are {len(groups)}"
            hint = "join neighbours, or stack some in a binding of their own"
            raise fail("E912", message, module.span, help=hint)
        parts: list[tuple[str, str]] = []
        start = 0
        for number, (part, group) in enumerate(zip(module.slices, groups, strict=True)):
            ends = number == len(groups) - 1
            text = self._part(module, part, group, start, ends=ends)
            if ends and len(group.inputs) > len(groups[0].inputs):
                text = self._short_end(module, part, groups[0], text, start)
            count = group.layers or 0
            parts.append((f"layers_{start}_{start + count}", text))
            start += count
        if len(parts) == 1:
            return parts[0][1]
        return " ++ ".join(self._stacked(name, text) for name, text in parts)

    def _stacked(self, name: str, text: str) -> str:
        """A part of a stack; what is no slice of a model gets a line of its own."""
        if "(" not in text:
            return text
        return self._bind(name, text)

    def _short_end(self, module: Module, part: Slice, first: Group, text: str, start: int) -> str:
        """The last slice where the first has fewer models: mergekit forgets the others there."""
        kept = Slice(part.inputs[: len(first.inputs)], part.base, part.settings, part.span)
        message = (
            f"final norm and head are merged from {len(kept.inputs)} models, "
            f"not from the {len(part.inputs)} of the last slice"
        )
        note = "mergekit takes as many as the first slice has"
        hint = "list as many models in the first slice"
        found = Diagnostic("W904", message, part.span, notes=(note,), help=(hint,))
        self.reader.report(found)
        group = group_of(kept, self.recipe, self.method)
        head = self._part(module, kept, group, start, ends=True)
        return f"match {{ layers(0..) => {text}, else => {head} }}"

    def _part(self, module: Module, part: Slice, group: Group, start: int, *, ends: bool) -> str:
        for each in group.inputs:  # named in this order, the base first
            self._operand(each)
        shared = (part.settings, module.settings, self.recipe.settings)
        values = Values(self.lookup, group, shared, start, ends, self._bind, self._operand)
        written = Written(self.method, values, self.reader, paper=self.paper)
        tell_of_base(written)
        return write_paper_call(written) if self.paper else write_call(written)

    def _operand(self, each: Input) -> str:
        name = self.sources.name(each.model)
        if each.layers is None:
            return name
        lo, hi = each.layers
        return f"{name}[{lo}..{hi}]"

    def _bind(self, like: str, text: str) -> str:
        """A line of its own for an expression; the same text has one line."""
        if text not in self._bound:
            name = self.names.like(like)
            self._bound[text] = name
            self.lines.append(f"{name} = {text}")
        return self._bound[text]
