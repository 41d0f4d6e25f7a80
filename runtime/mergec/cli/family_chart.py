"""A family as a Mermaid flowchart: parents above, the child below."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.api.lineage import Family, Member

_LONGEST = 80


def flowchart(family: "Family") -> str:
    """The text of the chart, which pages of repositories and notebooks draw."""
    return "".join(f"{line}\n" for line in _lines(family))


def _lines(family: "Family") -> Iterator[str]:
    names = {key: f"m{number}" for number, key in enumerate(family.members)}
    yield "flowchart TD"
    for key, member in family.members.items():
        said = "<br/>".join(_text(line) for line in _told(member))
        opening, closing = ('["', '"]') if member.made is not None else ('(["', '"])')
        yield f"  {names[key]}{opening}{said}{closing}"
    for key, member in family.members.items():
        for label, parent in member.parents.items():
            yield f'  {names[parent]} -->|"{_text(label)}"| {names[key]}'


def _told(member: "Member") -> Iterator[str]:
    yield member.name
    if member.made is not None:
        yield f"plan {member.made.plan[:12]}"
    elif member.source is not None and member.source.licence is not None:
        yield member.source.licence


def _text(text: str) -> str:
    """With everything that Mermaid or a browser would act upon as a character code."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    plain = (char if _is_plain(char) else f"#{ord(char)};" for char in short)
    return "".join(plain)


def _is_plain(char: str) -> bool:
    return char.isalnum() or char in " ./-_@:,+…"
