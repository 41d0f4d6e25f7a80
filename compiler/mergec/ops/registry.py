"""What the files of a package declare, each loaded when it is asked for: most runs need a few."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any, Generic, TypeVar, cast, final

_Thing = TypeVar("_Thing")


@final
class Registry(Mapping[str, _Thing], Generic[_Thing]):
    """Things by name. A file of the package has the name of what it declares.

    `constant` is the name that the thing has in its file, and `kind` its class. What a plugin
    brings is there between `add` and `remove`.
    """

    def __init__(
        self, package: str, folders: Sequence[str], constant: str, kind: type[Any]
    ) -> None:
        self._package = package
        self._folders = folders
        self._constant = constant
        self._kind = kind
        self._found: dict[str, _Thing | None] = {}
        self._added: dict[str, _Thing] = {}

    def __getitem__(self, name: str) -> _Thing:
        if name in self._added:
            return self._added[name]
        if name not in self._found:
            self._found[name] = self._declared(name) if name in self._files else None
        thing = self._found[name]
        if thing is None:
            raise KeyError(name)
        return thing

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._files if name in self)
        yield from self._added

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, name: str, thing: _Thing) -> None:
        """Take a plugin's thing in; RuntimeError if its name is taken."""
        if name in self:
            raise RuntimeError(f"two files define `{name}`")
        self._added[name] = thing

    def remove(self, name: str) -> None:
        """Forget what `add` brought."""
        del self._added[name]

    @cached_property
    def _files(self) -> Mapping[str, None]:
        """In the order of their names."""
        return dict.fromkeys(found.name for found in pkgutil.iter_modules(self._folders))

    def _declared(self, name: str) -> _Thing | None:
        """Only names of files come here: nothing else is ever imported."""
        thing: Any = getattr(import_module(f"{self._package}.{name}"), self._constant, None)
        if not isinstance(thing, self._kind):
            return None
        if thing.name != name:
            raise RuntimeError(f"`{name}.py` declares `{thing.name}`")
        return cast(_Thing, thing)
