"""Names: what a spec binds, what a macro adds, and what a used spec offers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mergec.elaborate.values import Meaning
from mergec.frozen import frozen
from mergec.syntax.nodes import Binding, Def, Name, Param, SpecFile, Use

Declaration = Binding | Param | Def | Use


@dataclass(slots=True)
class Module:
    """One spec file: what it has bound so far.

    `folder` is where it lies, relative to the spec that is compiled, empty for that folder itself;
    `root` says that it is that spec. `unknown` collects the places where names without a binding
    are used. `used` are the names that bindings, exports and macros use, `required` those that
    contracts do. `failed` are used specs that could not be compiled.
    """

    spec: SpecFile
    folder: str
    root: bool
    values: dict[str, Meaning] = field(default_factory=dict[str, Meaning])
    declared: dict[str, Declaration] = field(default_factory=dict[str, Declaration])
    macro_declared: dict[str, Declaration] = field(default_factory=dict[str, Declaration])
    macros: dict[str, "Macro"] = field(default_factory=dict[str, "Macro"])
    modules: dict[str, "Module"] = field(default_factory=dict[str, "Module"])
    used: set[str] = field(default_factory=set[str])
    required: set[str] = field(default_factory=set[str])
    unknown: dict[str, list[Name]] = field(default_factory=dict[str, list[Name]])
    failed: set[str] = field(default_factory=set[str])

    def empty(self) -> "Module":
        """A module of the same spec that binds nothing."""
        return Module(self.spec, self.folder, self.root)


@frozen
class Macro:
    """A `def` and the spec whose names its body sees; `number` counts the macros above it there.

    One that is not `sound` could not be written out, which was said where it stands.
    """

    statement: Def
    home: Module
    number: int
    sound: bool = True

    def signature(self) -> str:
        """As it is called: `f(a, *rest; k=0.3)`."""
        return signature_of(self.statement)


@dataclass(slots=True)
class Scope:
    """What names mean at one place: those of a macro first, then those of its spec.

    In a macro's body only the macros above it can be called, `above` of them, however many there
    are where it is called itself; so a later one never changes what it means. `defining` is the
    macro whose body is being looked at for the first time.
    """

    module: Module
    local: dict[str, Meaning] = field(default_factory=dict[str, Meaning])
    above: int | None = None
    defining: str | None = None

    def names(self) -> Iterator[str]:
        """Every name that has a value here."""
        yield from self.local
        yield from self.module.values
        for prefix, module in self.module.modules.items():
            yield from (f"{prefix}.{name}" for name in module.values)

    def macro_names(self) -> Iterator[str]:
        """Every macro that can be called here."""
        yield from self.module.macros
        for prefix, module in self.module.modules.items():
            yield from (f"{prefix}.{name}" for name in module.macros)

    def value(self, name: str) -> Meaning | None:
        """What a name means; None where it is not bound. `common.x` is of a used spec."""
        if name in self.local:
            return self.local[name]
        prefix, dot, inner = name.partition(".")
        if dot:
            module = self.module.modules.get(prefix)
            return module.values.get(inner) if module else None
        return self.module.values.get(name)

    def macro(self, name: str) -> Macro | None:
        """The macro of this name, if there is one."""
        prefix, dot, inner = name.partition(".")
        if not dot:
            found = self.module.macros.get(name)
            seen = found is None or self.above is None or found.number < self.above
            return found if seen else None
        module = self.module.modules.get(prefix)
        return module.macros.get(inner) if module else None

    def use(self, name: str, *, contract: bool = False) -> None:
        """Remember that a name is used."""
        first = name.partition(".")[0]
        if first not in self.local:
            (self.module.required if contract else self.module.used).add(first)


def signature_of(statement: Def) -> str:
    """How a macro is called: `f(a, *rest; k=0.3)`."""
    operands = [parameter.name for parameter in statement.operands]
    operands += [f"*{statement.rest.name}"] if statement.rest else []
    keywords = [
        f"{parameter.name}={parameter.default.span.text}"
        for parameter in statement.keywords
        if parameter.default is not None
    ]
    parts = [", ".join(part) for part in (operands, keywords) if part]
    return f"{statement.name}({'; '.join(parts)})"
