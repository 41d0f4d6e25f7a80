"""What a code is."""

from mergec.frozen import frozen

# The exit status of a family; a row may name its own. See docs/exit-codes.md.
_FAMILY_EXIT = {"E1": 3, "E2": 3, "E3": 3, "E4": 5, "E5": 5, "E6": 6, "E7": 4, "E8": 8}


@frozen
class Code:
    """One row of the tables. `exit` is the process status (0 for warnings)."""

    id: str
    slug: str
    exit: int
    summary: str
    explanation: str


def code(id: str, slug: str, summary: str, explanation: str = "", exit: int | None = None) -> Code:
    """A row, with the exit status of its family if it names none."""
    status = 0 if id.startswith("W") else exit if exit is not None else _FAMILY_EXIT[id[:2]]
    return Code(id, slug, status, summary, explanation)
