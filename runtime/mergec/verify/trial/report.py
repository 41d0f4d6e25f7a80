"""What trying a spec came to, as data."""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mergec.diagnostics import Diagnostic, escape
from mergec.frozen import frozen


@frozen
class LawTried:
    """A law of an operator on a backend, in words; `broken` tells of a counterexample, if any."""

    operator: str
    law: str
    backend: str
    broken: str | None


@dataclass(slots=True)
class Compared:
    """How a backend, or the rationals, agree with the reference: tensors, and those that do not.

    `open` counts elements of which rounding decides, which no rationals can foresee.
    """

    tensors: int = 0
    elements: int = 0
    differing: int = 0
    open: int = 0


@dataclass(slots=True)
class Report:
    """Everything that was tried, and what went wrong.

    `compared` is by backend, with `exact` for the rationals. `left_out` counts tensors that could
    not be compared, by the reason; `refused` those for which the merge has no result on some
    numbers, by the code of the error. `arguments` are the command's that a replay needs too.
    """

    spec: str
    seed: int
    effort: str
    arguments: tuple[str, ...] = ()
    sources: int = 0
    tensors: int = 0
    kinds: tuple[str, ...] = ()
    laws: list[LawTried] = field(default_factory=list[LawTried])
    compared: dict[str, Compared] = field(default_factory=dict[str, Compared])
    left_out: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    notes: list[str] = field(default_factory=list[str])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])

    @property
    def state(self) -> str:
        """`passed`, `failed`, or `inconclusive` where nothing could be compared."""
        if self.findings:
            return "failed"
        compared = sum(each.tensors for name, each in self.compared.items() if name != "exact")
        return "passed" if compared else "inconclusive"

    def replay(self, backend: str) -> str:
        """The command that tries the same again, on one backend."""
        words = ["mergec", "test", self.spec, *self.arguments, "--backend", backend]
        words += ["--effort", self.effort, "--seed", str(self.seed)]
        return escape(shlex.join(words))

    def as_json(self) -> Mapping[str, object]:
        """The members of the JSON form; `mergec.test/1` is its schema."""
        return {
            "schema": "mergec.test/1",
            "spec": self.spec,
            "seed": self.seed,
            "effort": self.effort,
            "state": self.state,
            "sources": self.sources,
            "tensors": self.tensors,
            "kinds": [*self.kinds],
            "laws": [
                {
                    "operator": tried.operator,
                    "law": tried.law,
                    "backend": tried.backend,
                    "holds": tried.broken is None,
                }
                for tried in self.laws
            ],
            "compared": {
                name: {
                    "tensors": each.tensors,
                    "elements": each.elements,
                    "differing": each.differing,
                    "open": each.open,
                }
                for name, each in self.compared.items()
            },
            "not_compared": dict(self.left_out),
            "refused": dict(self.refused),
            "notes": [*self.notes],
            "findings": [
                {
                    "code": found.code,
                    "slug": found.slug,
                    "message": found.message,
                    "notes": [*found.notes],
                    "help": [*(found.help or ())],
                }
                for found in self.findings
            ],
        }
