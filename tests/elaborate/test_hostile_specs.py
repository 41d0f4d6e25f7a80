"""Specs that nobody means well with: each is understood, or refused with reasons, within seconds.

None ends in a traceback, and none takes the machine's time or memory with it.
"""

from pathlib import Path

import pytest

from mergec.diagnostics import Diagnostic, MergecError, SourceText, render_text
from mergec.elaborate import Bundle
from mergec.plan import check_bundle, compile_bundle
from mergec.syntax import limits
from tests.elaborate.checked_specs import SOURCES
from tests.toy_checkpoints import write_family

LLAMA = 'llama = model("./llama")\nchatty = model("./chatty")\n'


def codes(text: str, root: Path | None = None) -> set[str]:
    """The codes of all errors, without looking at sources unless `root` says where they are."""
    source = SourceText("spec.merge", text)
    found: tuple[Diagnostic, ...] = ()
    try:
        if root is None:
            check_bundle(Bundle(source, Path(), imports={}))
        else:
            compile_bundle(Bundle(source, root))
    except MergecError as error:
        found = error.diagnostics
    assert len([each for each in found if each.severity == "error"]) <= 2 * limits.DIAGNOSTICS
    assert bool(render_text(found)) == bool(found)
    return {each.code for each in found if each.severity == "error"}


def lines(first: str, line: str, count: int, last: str) -> str:
    """`first`, then `line` for each number, with `{n}` and `{m}` for it and the one before."""
    body = "\n".join(line.format(n=n, m=n - 1) for n in range(1, count))
    return f"{SOURCES}{first}\n{body}\n{last.format(m=count - 1)}\n"


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("family")
    write_family(root)
    return root


TEXTS: dict[str, tuple[str, set[str]]] = {
    # the text alone
    "nothing": ("", {"E109"}),
    "only comments": ("# x\n## y\n", {"E109"}),
    "a null character": ("x = 1\0\n", {"E105"}),
    "an escape character": ("x = 1 # \x1b[31m\n", {"E105"}),
    "letters turned around in a comment": ("x = 1 # \u202e\n", {"E105"}),
    "letters turned around in a text": ('x = model("\u2066./a")\n', {"E105"}),
    "a Cyrillic letter in a name": ("b\u0430se = 1\n", {"E105"}),
    "digits of another script": ("x = \u0663\n", {"E105"}),
    "old line ends": ("x = 1\ry = code\r", {"E105"}),
    "many brackets": ("x = " + "(" * 1_000_000, {"E107", "E108"}),
    "many terms": ("x = " + " + ".join(["1"] * 100_000), {"E107"}),
    "a text without end": ('x = model("./a\n', {"E103"}),
    "a number too large": ("x = 1e400\ny = 1e401\n", {"E104"}),
    "no number": ("x = nan\ny = inf\n", {"E201"}),
    "a number of many digits": (f"x = {'1' * 5000}\n", {"E104"}),
    "a later edition": ("mergec 9\nx = 1\n", {"E110"}),
    "a megabyte of one name": (f"{'x' * 1_000_000} = 1\n", {"E107"}),
    # names
    "a name and its shadow": (lines("a = base", "b{n} = nothing{n}", 5000, "c = a"), {"E201"}),
    "unknown macros": (lines("a = base", "b{n} = nothing{n}(a)", 4000, "c = a"), {"E202"}),
    "itself": ("x = linear(x, x)\n", {"E201"}),
    # macros
    "macros that double": (
        lines("def m0(x) = 0.5*x", "def m{n}(x) = m{m}(x) + m{m}(x)", 60, "c = m{m}(base)"),
        {"E107"},
    ),
    "macros that double without calls": (
        lines("def m0(x) = x", "def m{n}(x) = linear(m{m}(x), m{m}(x))", 60, "c = m{m}(base)"),
        {"E107"},
    ),
    "macros in macros": (
        lines("def m0(x) = x", "def m{n}(x) = m{m}(x)", 1000, "c = linear(m{m}(code), base)"),
        {"E107", "E108"},
    ),
    "macros in parameters of macros": (
        lines(
            "def m0(x, k=1) = k",
            "def m{n}(x) = m0(x, k=m0(x, k=m0(x, k=m{m}(x))))",
            300,
            "c = m{m}(code)*base",
        ),
        {"E107", "E108"},
    ),
    "macros in lists and arms": (
        lines(
            "def m0(x) = 1",
            "def m{n}(x) = match {{ attn => -(-(-(-m{m}(x)))), else => 1 }}",
            300,
            "c = base + m{m}(code)*(code - base)",
        ),
        {"E108"},
    ),
    "operands that multiply": (
        lines(
            "def m0(*r) = linear(*r)",
            "def m{n}(*r) = linear(*m{m}(r, r, r))",
            40,
            "c = m{m}(base, code)",
        ),
        {"E107"},
    ),
    "macros of long sums": (
        SOURCES
        + f"def m0(x) = {' + '.join(['x'] * 190)} - 189*x\n"
        + "".join(f"def m{n}(x) = m{n - 1}(x) - m{n - 1}(x) + x\n" for n in range(1, 16))
        + "c = m15(code)\n",
        {"E107"},
    ),
    # numbers
    "choices that double": (
        lines(
            "m0 = match {{ attn => 0, else => 1 }}".replace("{{", "{").replace("}}", "}"),
            "m{n} = match {{ attn => m{m}, else => m{m} + 1 }}",
            60,
            "c = slerp(base, code; t=m{m})",
        ),
        {"E104"},
    ),
    "ramps that multiply": (
        lines("m0 = ramp(0, 1) + ramp(0, 2)", "m{n} = m{m} * m{m}", 60, "c = m{m}*base"),
        {"E104"},
    ),
    "divisors in divisors": (
        lines("m0 = ramp(1, 2)", "m{n} = 1 / (m{m} + m{m}*m{m})", 60, "c = m{m}*base"),
        {"E104"},
    ),
    "squares": (
        lines("m0 = 1.000000000000001", "m{n} = m{m} * m{m}", 60, "c = m{m}*base"),
        {"E104"},
    ),
    "lists in lists": (
        lines("m0 = [1, 1]", "m{n} = [m{m}, m{m}]", 200, "c = linear(base, code; weights=m{m})"),
        {"E206"},
    ),
    # deep graphs
    "a long sum": (lines("a0 = base", "a{n} = a{m} + 0.1*(code - math)", 3000, "c = a{m}"), set()),
    "a sum that doubles": (lines("a0 = base", "a{n} = a{m} + a{m} - a{m}", 60, "c = a{m}"), set()),
    "a long chain": (lines("a0 = base", "a{n} = ties(a{m}, code)", 2500, "c = a{m}"), set()),
    "a chain of masks": (
        lines(
            "a0 = base", "a{n} = a{m} + dare(code - base, density=0.5, seed={n})", 1500, "c = a{m}"
        ),
        set(),
    ),
    "as many sources as lines": (
        lines("a0 = base", 'a{n} = ties(a{m}, model("./{n}"))', 2000, "c = a{m}"),
        set(),
    ),
    # selectors
    "a long selector": (
        f"{SOURCES}c = select(code, {' | '.join(['attn'] * 190)})\n",
        set(),
    ),
    "a selector too long": (f"{SOURCES}c = select(code, {' | '.join(['attn'] * 500)})\n", {"E108"}),
    "a selector of nots": (f"{SOURCES}c = select(code, {'!' * 190}attn)\n", set()),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_understood_or_refused(name: str) -> None:
    text, expected = TEXTS[name]
    found = codes(text)
    assert found == expected or (len(expected) > 1 and found and found <= expected)


BOUND: dict[str, tuple[str, set[str]]] = {
    "a deep chain": (
        lines("a0 = base", "a{n} = slerp(a{m}, code; t=0.5)", 1200, "c = a{m}"),
        set(),
    ),
    "a deep chain of ramps": (
        lines("a0 = base", "a{n} = slerp(a{m}, code; t=ramp(0, 1))", 800, "c = a{m}"),
        set(),
    ),
    "a deep chain of slices": (
        LLAMA
        + "a0 = llama\n"
        + "".join(f"a{n} = a{n - 1}[0..4]\n" for n in range(1, 1500))
        + "c = linear(a1499, chatty)\n",
        set(),
    ),
    "stacks that double": (
        LLAMA
        + "a0 = llama ++ chatty\n"
        + "".join(f"a{n} = a{n - 1} ++ a{n - 1}\n" for n in range(1, 60))
        + "export a59\n",
        {"E107"},
    ),
    "names that grow": (
        LLAMA
        + "a0 = llama\n"
        + "".join(f'a{n} = rename(a{n - 1}, "*" => "{"x" * 900}*")\n' for n in range(1, 60))
        + "c = linear(a59, chatty)\n",
        {"E410"},
    ),
    "patterns made to be slow": (
        LLAMA
        + "c = ties(llama, chatty; density=match { "
        + ", ".join(f'"{"*a" * 500}{n}" => 0.5' for n in range(40))
        + ", else => 0.3 })\n",
        set(),
    ),
    "patterns with other meanings elsewhere": (
        LLAMA + 'c = match { "(model|lm_head).*" => chatty, "model.[a-z]+" => chatty, '
        '"^.*$" => chatty, "model\\\\.norm" => chatty, else => llama }\n',
        set(),
    ),
    "a pattern of another alphabet": (
        LLAMA + 'c = match { "m\u043edel.*" => chatty, "\u200b*" => chatty, else => llama }\n',
        set(),
    ),
    "a role of vectors": (LLAMA + "c = match { norm => chatty, !norm => llama }\n", set()),
    "a new name that is none": (LLAMA + 'c = rename(llama, "lm_head.weight" => "")\n', {"E410"}),
    "a new name with a line in it": (
        LLAMA + 'c = rename(llama, "lm_head.weight" => "a\\nb")\n',
        {"E410"},
    ),
    "a new name that headers use": (
        LLAMA + 'c = rename(llama, "lm_head.weight" => "__metadata__")\n',
        {"E410"},
    ),
    "one source under many names": (
        "".join(f'm{n} = model("./base", id="{n}")\n' for n in range(300))
        + f"c = linear({', '.join(f'm{n}' for n in range(190))})\n",
        set(),
    ),
}


@pytest.mark.parametrize("name", BOUND)
def test_a_hostile_spec_is_compiled_or_refused(name: str, family: Path) -> None:
    text, expected = BOUND[name]
    assert codes(text, family) == expected


def test_a_megabyte_in_use_is_refused(family: Path) -> None:
    (family / "huge.merge").write_text("# " + "x" * limits.SPEC_BYTES)
    spec = 'use "huge.merge" as huge\nc = linear(model("./base"), model("./code"))\n'
    assert codes(spec, family) == {"E107"}


def test_patterns_that_fit_nothing_are_told(family: Path) -> None:
    text, _ = BOUND["patterns with other meanings elsewhere"]
    compiled = compile_bundle(Bundle(SourceText("spec.merge", text), family))
    assert [found.code for found in compiled.warnings] == ["W202"] * 4
