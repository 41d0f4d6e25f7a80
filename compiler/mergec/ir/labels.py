"""The sources that a value is computed from, by label: asked of every operand of a graph."""

from dataclasses import dataclass, field

from mergec.ir.graph import GraphBuilder, NodeKey, part_statistics


@dataclass(slots=True)
class Labels:
    """The labels below each node, each found once; those of statistics do not count.

    A set of labels is the bits of a number, so that a spec of thousands of lines, each of which
    adds a source to the one above, stays small.
    """

    builder: GraphBuilder
    _names: list[str] = field(default_factory=list[str])
    _bits: dict[str, int] = field(default_factory=dict[str, int])
    _below: dict[NodeKey, int] = field(default_factory=dict[NodeKey, int])

    def of(self, key: NodeKey, without: NodeKey | None = None) -> list[str]:
        """The labels below `key`, those below `without` left out."""
        left = self._of(key)
        if without is not None:
            left &= ~self._of(without)
        found: list[str] = []
        while left:
            lowest = left & -left
            found.append(self._names[lowest.bit_length() - 1])
            left -= lowest
        return found

    def _of(self, key: NodeKey) -> int:
        waiting = [key]
        while waiting:  # and no recursion: nothing bounds the depth of a graph
            node = self.builder[waiting[-1]]
            unknown = [each for each in node.operands if each not in self._below]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            found = 0
            for each in part_statistics(node.operands, dict(node.params))[0]:
                found |= self._below[each]
            if node.op in ("source", "adapter"):
                found |= self._bit(str(node.param("label")))
            self._below[node.key] = found
        return self._below[key]

    def _bit(self, label: str) -> int:
        if label not in self._bits:
            self._bits[label] = 1 << len(self._names)
            self._names.append(label)
        return self._bits[label]
