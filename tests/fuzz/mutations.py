"""Specs with something changed: a token, a character, an end. Also `python -m` of this file.

Whatever is changed, a spec compiles or is refused with diagnostics, within a second. The tests try
a few thousand mutations; as a program this tries as many as it is told to, a hundred thousand by
default, and prints how many of them compiled.
"""

import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings

from mergec.catalog.architecture import ROLES
from mergec.catalog.offline import offline_mode
from mergec.diagnostics import MergecError, SourceText, render_text
from mergec.elaborate import Bundle, Setting
from mergec.elaborate.facts import FACTS
from mergec.ops import OPERATORS
from mergec.plan import compile_bundle
from tests.strategies import SpecText, specs
from tests.toy_checkpoints import write_family
from tests.toy_family import MEMBERS, write_members

SPECS = Path(__file__).parents[2] / "specs"

_KEYWORDS = (
    *("mergec", "param", "def", "use", "export", "delta", "as", "require", "match", "else", "true"),
    *("false", "and", "or", "not", "from", "to", "model", "stack", "select", "rename", "ramp"),
    *("as_model", "layers", "number", "int", "text", "bool", "rest", "untie", "why", "id", "rev"),
    *("density", "weights", "scale", "t", "seed", "norm", "agg", "dtype", "shard", "tokenizer"),
)
_MARKS = (
    *("(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "=>", "|>", "|", "&", "!", "+", "-", "*"),
    *("/", "++", "..", ".", "<", "<=", ">", ">=", "==", "!=", "\n", "#", "##", '"'),
)
_LITERALS = (
    *("0", "1", "-1", "0.5", "1/3", "1e400", "9" * 41, "007", "1.", "5GB", "0B", '""', '"x"'),
    *('"./base"', '"*"', '"std:classic"', '"a*b*"', "0..1", "..1", "1..", "3..1", "99..", "bf16"),
    *("base", "code", "math", "child", "std", "std.dare_ties", "rest", "nobody", "é", "\x00"),
)
LANGUAGE = (*_KEYWORDS, *ROLES, *FACTS, *OPERATORS, *_MARKS, *_LITERALS)

_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|\w[\w.]*|=>|\|>|\+\+|\.\.|[<>=!]=|\s+|.', re.DOTALL
)
_SOURCE = re.compile(r'"\./([^"/.]+)"')
_UNBOUND = re.compile(r"^param (\w+): model\s*$", re.MULTILINE)
_CHARACTERS = "\n\t \r\0()[]{}\"'#=.,;:*+-/\\|&!<>0aé\u2028\U0001f600\ufeff"


@dataclass(frozen=True, slots=True)
class Case:
    """A spec that is mutated, with what it is given."""

    name: str
    bundle: Bundle

    @property
    def text(self) -> str:
        """The spec as it is."""
        return self.bundle.source.text


def cases(root: Path) -> list[Case]:
    """Every spec of the repository and some generated ones, with toy checkpoints below `root`."""
    family, relatives = root / "family", root / "relatives"
    write_family(relatives)
    found: list[Case] = []
    named = {*MEMBERS}
    for folder in ("valid", "recipes", "invalid"):
        for path in sorted((SPECS / folder).glob("*.merge")):
            text = path.read_bytes().decode(errors="replace")
            where = relatives if folder == "invalid" else family
            if folder != "invalid":
                named.update(_SOURCE.findall(text))
            given = {name: Setting("./base") for name in _UNBOUND.findall(text)}
            bundle = Bundle(SourceText("spec", text), where, given)
            found.append(Case(f"{folder}/{path.name}", bundle))
    write_members(family, sorted(named))
    for number, spec in enumerate(generated(25)):
        found.append(Case(f"generated/{number}", _on_toys(spec, family)))
    return found


def chosen(random: Random, known: Sequence[Case]) -> Case:
    """One of the cases; of every folder as many, whatever it holds."""
    folder = random.choice(("valid", "recipes", "invalid", "generated", "generated"))
    return random.choice([case for case in known if case.name.startswith(folder)])


def generated(count: int) -> list[SpecText]:
    """The same random specs every time, over sources of two layers."""
    found: list[SpecText] = []

    @settings(
        max_examples=40 * count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(specs("any"))
    def collect(spec: SpecText) -> None:
        # The toys have no Gram matrices; as Fisher information any model will do.
        toys = "gram" not in spec.statistics.values() and len(spec.layers) > 2
        if toys and set(spec.layers.values()) == {2} and len(found) < count:
            found.append(spec)

    collect()
    return found


def _on_toys(spec: SpecText, root: Path) -> Bundle:
    text = spec.text
    for label, member in (("a", "code"), ("b", "math"), ("c", "instruct")):
        text = text.replace(f'model("./{label}"', f'model("./{member}"')
    text = re.sub(r'model\("./importance-\d"', 'model("./base"', text)
    return spec.given(text, root)


def tokens(text: str) -> list[str]:
    """The tokens of a text, near enough, with the space between them."""
    return _TOKEN.findall(text)


def single(parts: Sequence[str]) -> Iterator[str]:
    """Every mutation of one token but for replacements: deleted, twice, swapped, cut off there."""
    for at, part in enumerate(parts):
        if part.isspace() and part != "\n":
            continue
        yield "".join((*parts[:at], *parts[at + 1 :]))
        yield "".join((*parts[:at], part, " ", *parts[at:]))
        yield "".join(parts[:at])
        after = next((i for i in range(at + 1, len(parts)) if not parts[i].isspace()), at)
        swapped = [*parts]
        swapped[at], swapped[after] = parts[after], parts[at]
        yield "".join(swapped)


def mutated(random: Random, text: str) -> str:
    """One mutation of a text, seldom two or three."""
    for _ in range(random.choice((1, 1, 1, 1, 2, 3))):
        text = random.choice(_HOWS)(random, text)
    return text


def _replaced(random: Random, text: str) -> str:
    parts = tokens(text) or [""]
    parts[random.randrange(len(parts))] = random.choice(LANGUAGE)
    return "".join(parts)


def _inserted(random: Random, text: str) -> str:
    parts = tokens(text)
    parts.insert(random.randint(0, len(parts)), f" {random.choice(LANGUAGE)} ")
    return "".join(parts)


def _of_its_own(random: Random, text: str) -> str:
    """A token by another one of the same text."""
    parts = tokens(text) or [""]
    parts[random.randrange(len(parts))] = random.choice(parts)
    return "".join(parts)


def _alike(random: Random, text: str) -> str:
    """A word by a word, a number by a number, a text by a text: what is still grammar."""
    parts = tokens(text)
    places = [at for at, part in enumerate(parts) if part[0] == '"' or part[0].isalnum()]
    if not places:
        return text
    at = random.choice(places)
    kin = [each for each in (*parts, *LANGUAGE) if _class_of(each) == _class_of(parts[at])]
    parts[at] = random.choice(kin)
    return "".join(parts)


def _class_of(token: str) -> str:
    first = token[:1]
    return '"' if first == '"' else "0" if first.isdigit() else "a" if first.isalpha() else ""


def _moved(random: Random, text: str) -> str:
    parts = tokens(text) or [""]
    low, high = sorted(random.randrange(len(parts)) for _ in range(2))
    how = random.randrange(4)
    if how == 0:
        del parts[low]
    elif how == 1:
        parts.insert(low, parts[low])
    elif how == 2:
        parts[low], parts[high] = parts[high], parts[low]
    else:
        parts[low:low] = parts[low:high][:40]  # a stretch twice
    return "".join(parts)


def _of_lines(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    low, high = (random.randrange(len(lines)) for _ in range(2))
    lines[low], lines[high] = lines[high], random.choice((lines[low], ""))
    return "".join(lines)


def _of_characters(random: Random, text: str) -> str:
    at = random.randint(0, len(text))
    character = random.choice(_CHARACTERS)
    cuts = (text[:at], text[at:], text[:at] + text[at + 1 :])
    return random.choice(
        (*cuts, text[:at] + character + text[at:], text[:at] + character + text[at + 1 :])
    )


_HOWS: Sequence[Callable[[Random, str], str]] = (
    _alike, _alike, _alike, _alike, _replaced, _inserted, _of_its_own, _moved, _of_lines,
    _of_characters,
)  # fmt: skip


def understood(case: Case, text: str) -> bool:
    """Whether `text` compiles; AssertionError if it is neither that nor refused with reasons."""
    source = SourceText("mutated.merge", text)
    try:
        found = compile_bundle(replace(case.bundle, source=source)).warnings
        sound = True
    except MergecError as error:
        found = error.diagnostics
        assert any(each.severity == "error" for each in found)
        sound = False
    assert not any(each.severity == "error" for each in found) or not sound
    render_text(found)
    return sound


def main(count: int = 100_000, seed: int = 1) -> int:
    """Try `count` mutations; 1 after printing those that broke something, and the slowest."""
    random, results, started = Random(seed), Counter[str](), time.monotonic()
    slowest = (0.0, "")
    with TemporaryDirectory() as folder, offline_mode():  # some of the specs name servers
        known = cases(Path(folder))
        for number in range(count):
            case = chosen(random, known)
            text = mutated(random, case.text)
            begun = time.process_time()
            try:
                results["compiled" if understood(case, text) else "refused"] += 1
            except Exception:
                results["broken"] += 1
                print(f"--- mutation {number} of {case.name}\n{text!r}\n{traceback.format_exc()}")
            slowest = max(slowest, (time.process_time() - begun, case.name))
    took = time.monotonic() - started
    print(f"{count} mutations in {took:.0f} s: {dict(results)}")
    print(f"the slowest took {slowest[0]:.1f} s, of {slowest[1]}")
    return 1 if results["broken"] else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
