"""Where a plan came from, as its outputs record it."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from mergec.frozen import frozen


@frozen
class Origin:
    """The spec that a plan came from, what was set and used, and what computes it.

    `settings` are the values given to its parameters, `imports` the texts of the specs it uses, by
    their paths below its folder, `without` the passes that were switched off, `lock` the digest of
    the lock that the sources were held to. No path is recorded: the same run elsewhere writes the
    same bytes.
    """

    spec_name: str
    spec_text: str
    backend: str
    device: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    without: tuple[str, ...] = ()
    lock: str | None = None

    def spec_member(self) -> dict[str, Any]:
        """All that is needed to compile the spec again without its files."""
        return {
            "name": self.spec_name,
            "text": self.spec_text,
            "set": dict(sorted(self.settings.items())),
            "imports": dict(sorted(self.imports.items())),
            **({"without": [*self.without]} if self.without else {}),
        }
