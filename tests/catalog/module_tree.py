"""What the classes of a model's modules say of its tensors: the oracle for the descriptions.

It never looks for a role in a tensor's name, and the descriptions look at nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# By the class of a module around a tensor that is no norm.
AROUND = {
    "attn": r"Attention",
    "mlp": r"MLP|Mlp|SparseMoe|Dense(Act|Gated)|Intermediate|(^|[a-z])(?<!Self)Output$",
    "embed": r"Embed",
    "expert": r"Experts",
}


@dataclass(frozen=True)
class ModuleTree:
    """A model of `transformers`, seen from its tensors."""

    model: Any

    @property
    def names(self) -> list[str]:
        return list(self.model.state_dict())

    def layer(self, name: str) -> int | None:
        """The number in the outermost list of modules, towers for images left out."""
        classes = self._classes(name)
        if "ModuleList" not in classes or (self.in_tower(name) and not self._is_pair):
            return None
        return int(name.split(".")[classes.index("ModuleList") + 1])

    def side(self, name: str) -> str:
        """Where a tensor outside the layers stands: a head or a norm after the embeddings, or not.

        A norm's place is that of its parent among the parent's children, before the layers or
        behind them.
        """
        if self.in_tower(name) and not self._is_pair:
            return "before"
        if "head" in self.roles(name):
            return "after"
        siblings = list(self._owner(name, up=1).children())
        stacks = [at for at, it in enumerate(siblings) if self._has_layers(it)]
        own = next((at for at, it in enumerate(siblings) if it is self._owner(name)), -1)
        return "after" if stacks and own > stacks[0] else "before"

    def roles(self, name: str) -> frozenset[str]:
        """The roles that follow from the classes alone."""
        return frozenset(self._roles(name))

    def _roles(self, name: str) -> Iterator[str]:
        classes = self._classes(name)
        if re.search(r"\.(.*_)?bias$", name):
            yield "bias"
        if self.in_tower(name):
            yield "vision"
        elif "ModuleList" not in classes and self._is_head(classes):
            yield "head"
        if "Norm" in classes[-1]:
            yield "norm"
            # A norm between projections; one that a class groups with attention is no part of it.
            parent = self._owner(name, up=1)
            if any(type(it).__name__ == "Linear" for it in parent.children()) and re.search(
                AROUND["attn"], type(parent).__name__
            ):
                yield "attn"
            return
        found = {role for role, pattern in AROUND.items() if self._around(classes, pattern)}
        # Some layers hold the two linear maps of their feed-forward part themselves.
        if classes[-1] == "Linear" and classes[-2:-1] and re.search("coderLayer$", classes[-2]):
            found.add("mlp")
        yield from found
        if "Router" in classes[-1]:
            yield "router"

    def in_tower(self, name: str) -> bool:
        return self._around(self._classes(name), r"Vision|Projector")

    @property
    def _is_pair(self) -> bool:
        """Whether the tower for images is one of two that the model consists of."""
        return type(self.model).__name__ == "CLIPModel"

    @staticmethod
    def _is_head(classes: list[str]) -> bool:
        owned_by_root = len(classes) == 1 and classes[0] == "Linear"
        return owned_by_root or any(re.search(r"Head|Pooler|Classif", it) for it in classes)

    @staticmethod
    def _around(classes: list[str], pattern: str) -> bool:
        # Pooling by attention is a head with a class of its own, and its parts say what they are.
        return any(re.search(pattern, it) and "PoolingHead" not in it for it in classes)

    @staticmethod
    def _has_layers(module: Any) -> bool:
        return any(type(it).__name__ == "ModuleList" for it in module.modules())

    def _owner(self, name: str, up: int = 0) -> Any:
        parts = name.split(".")[: -1 - up]
        return self.model.get_submodule(".".join(parts))

    def _classes(self, name: str) -> list[str]:
        """The classes of the modules around a tensor, the root left out, the owner last."""
        parts = name.split(".")[:-1]
        modules = [self.model.get_submodule(".".join(parts[:n])) for n in range(1, len(parts) + 1)]
        return [type(module).__name__ for module in modules] or [""]
