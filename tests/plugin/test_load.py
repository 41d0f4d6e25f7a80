"""What is wrong with a plugin file is said in words, with its line, and never as a traceback."""

import os
from pathlib import Path

import pytest

from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate.calls import BUILT_IN
from mergec.elaborate.forms import FORMS
from mergec.ops import OPERATORS, STAGES
from mergec.plugin.declare import operator, parameter
from mergec.plugin.record import Refusal
from mergec.plugin.registry import RESERVED, find_operator, find_plugin, plugins
from tests.plugin.plugin_files import SAMENORM, SOFTMEAN, one, written


def found(folder: Path, text: str) -> Diagnostic:
    """What loading a file with this text finds."""
    with pytest.raises(MergecError) as error, plugins([written(folder, text)]):
        pass
    [diagnostic] = error.value.diagnostics
    assert diagnostic.help
    assert "mine" not in OPERATORS
    return diagnostic


def test_a_plugin_is_there_as_long_as_it_is_loaded(tmp_path: Path) -> None:
    soft = written(tmp_path, SOFTMEAN, "softmean.py")
    same = written(tmp_path, SAMENORM, "samenorm.py")
    before = [*OPERATORS], [*STAGES]
    with plugins([soft, same, soft]):
        operator, plugin = find_operator("softmean"), find_plugin("softmean")
        assert operator is OPERATORS["softmean"]
        assert operator is not None
        assert plugin is not None
        assert operator.signature() == "softmean(base, x1, ...; sharpness=1)"
        assert operator.summary == "Average the deltas, larger entries counting for more."
        assert plugin.identity["file"] == "softmean.py"
        assert OPERATORS["samenorm"].revision == STAGES["samenorm"].revision == 3
    assert ([*OPERATORS], [*STAGES]) == before
    assert find_plugin("softmean") is None


def test_an_error_while_a_plugin_is_used_takes_it_away_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), plugins([written(tmp_path, SOFTMEAN)]):
        raise ZeroDivisionError
    assert "softmean" not in OPERATORS


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("def f(:\n", "the plugin `{}` is not Python: invalid syntax", "def f(:"),
        (
            "x = 1\ny = x / 0\n",
            "the plugin `{}` raised ZeroDivisionError: division by zero while it was loaded",
            "y = x / 0",
        ),
        (
            "import no_such_module_anywhere\n",
            "the plugin `{}` raised ModuleNotFoundError: No module named "
            "'no_such_module_anywhere' while it was loaded",
            "import no_such_module_anywhere",
        ),
        (
            "raise SystemExit(3)\n",
            "the plugin `{}` raised SystemExit: 3 while it was loaded",
            "raise SystemExit(3)",
        ),
        (
            "'\0'\n",
            "the plugin `{}` is not Python: source code string cannot contain null bytes",
            None,
        ),
    ],
)
def test_a_file_that_cannot_be_run(
    text: str, message: str, line: str | None, tmp_path: Path
) -> None:
    diagnostic = found(tmp_path, text)
    assert diagnostic.code == "E606"
    path = tmp_path / "mine.py"
    if line is None:
        assert diagnostic.message.startswith(f"the plugin `{path}` ")
        return
    assert diagnostic.message == message.format(path)
    assert diagnostic.span is not None
    assert diagnostic.span.text == line


def test_what_is_no_file_of_text(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    (tmp_path / "large.py").write_bytes(b"#" * (1 << 20) + b"\n")
    os.mkfifo(tmp_path / "pipe.py")
    for name, said in (
        ("missing.py", "does not exist"),
        (".", "is a folder, not a regular file"),
        ("pipe.py", "is a FIFO, not a regular file"),
        ("latin.py", "is not text in UTF-8"),
        ("large.py", "is larger than 1 MiB"),
    ):
        with pytest.raises(MergecError) as error, plugins([tmp_path / name]):
            pass
        [diagnostic] = error.value.diagnostics
        assert diagnostic.code == "E606"
        assert diagnostic.message.endswith(said), diagnostic.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "declares no operator"),
        (one("return x", interface="2"), "`mine` is written for interface 2 of plugins"),
        (one("return x", name='"Mine"'), "`Mine` is no name for an operator"),
        (one("return x", name='"a.b"'), "`a.b` is no name for an operator"),
        (one("return x", name='"ties"'), "declares `ties`, which mergec has already"),
        (one("return x", name='"affine"'), "declares `affine`, which mergec has already"),
        (one("return x", name='"ramp"'), "declares `ramp`, which mergec has already"),
        (one("return x", revision="0"), "`mine` has no revision"),
        (one("return x", takes='"weights"'), "`mine` takes 'weights'"),
        (one("return x", operands="(0, 1)"), "`mine` has no range of operands"),
        (one("return x", takes='"models"', operands="(3, 2)"), "`mine` has no range of operands"),
        (one("return x", operands="(1, None)"), "`mine` takes a delta, and more than one"),
        (one("return x", laws="['odd']"), "the laws of `mine` are not laws"),
        (
            one("return x", takes='"models"', operands="(2, 2)"),
            "does not take `xp` and its operands",
        ),
        (
            one("return x", takes='"models"', operands="(1, 2)"),
            "does not take `xp` and its operands",
        ),
        (
            one("return x", parameters='[parameter("by", "a factor")]'),
            "`by` of `mine` is not taken",
        ),
        (one("return x").replace("(xp, x)", "(xp, x, *, by)"), "`by` of `mine` is not declared"),
        (
            one("return x", parameters='[parameter("seed", ""), parameter("seed", "")]'),
            "not named apart",
        ),
        (one("return x", parameters='[parameter("scope", "")]'), "not named apart"),
        (one("return x").replace('"""Change a delta."""', ""), "`mine` has no page"),
        (one("return x if x > 0 else -x"), "decides by the value of an array"),
        (one("return xp.sort(x)"), "uses `xp.sort`"),
        (one("return x", head="parameter('t', '', kind='rational')"), "is of no kind `rational`"),
        (one("return x", head="parameter('t', '', kind='word')"), "has no words"),
        (
            one("return x", head="parameter('t', '', default=2, hi=1)"),
            "is not a value that it takes",
        ),
        (one("return x", head="parameter('t', '', default='a')"), "'a' is not a number"),
        (one("return x", head="parameter('t', '', kind='int', default=0.5)"), "`t` is no int"),
        (one("return x", head="parameter('t', '', lo=float('inf'))"), "inf is not a number"),
        (
            one("return x * COUNT[0]", head="COUNT = iter(range(9))").replace(
                "COUNT[0]", "next(COUNT)"
            ),
            "computes something else each time it is called",
        ),
    ],
)
def test_what_does_not_keep_to_the_interface(text: str, said: str, tmp_path: Path) -> None:
    diagnostic = found(tmp_path, text)
    assert diagnostic.code == "E607"
    assert said in diagnostic.message


def test_a_mistake_in_a_kernel_is_underlined(tmp_path: Path) -> None:
    diagnostic = found(tmp_path, one("y = x\n    return xp.sort(y)"))
    assert diagnostic.span is not None
    assert diagnostic.span.text == "return xp.sort(y)"
    assert diagnostic.notes == ("called with 1 operand", "the plugin is the file `mine.py`")


def test_a_kernel_that_raises_and_one_that_returns_no_array(tmp_path: Path) -> None:
    raised = found(tmp_path, one("return x * {}['none']"))
    message = "the plugin operator `mine` raised KeyError: 'none'"
    assert (raised.code, raised.message) == ("E818", message)
    nothing = found(tmp_path, one("x + 1"))
    message = "the plugin operator `mine` returns nothing, not an array"
    assert nothing.span is not None
    assert nothing.span.text.startswith("@operator(")
    assert (nothing.code, nothing.message) == ("E819", message)
    deep = found(tmp_path, one("return mine(xp, x)"))
    assert (deep.code, "RecursionError" in deep.message) == ("E818", True)


def test_two_plugins_of_one_name(tmp_path: Path) -> None:
    first, second = (written(tmp_path, one("return x"), name) for name in ("a.py", "b.py"))
    with pytest.raises(MergecError) as error, plugins([first, second]):
        pass
    [diagnostic] = error.value.diagnostics
    said = "the file `b.py` declares `mine`, as the file `a.py` does"
    assert (diagnostic.code, diagnostic.message) == ("E607", said)
    assert "mine" not in OPERATORS


def test_no_plugin_takes_a_word_of_the_language() -> None:
    assert {*FORMS, *BUILT_IN} - {*OPERATORS} <= RESERVED


def test_a_file_may_hold_dataclasses_and_several_operators(tmp_path: Path) -> None:
    head = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass(slots=True)\nclass Half:\n    by: float = 0.5\n"
    )
    text = one("return x * Half().by").replace(
        "@operator",
        '@operator(name="same", revision=1, interface=1, takes="delta", '
        'operands=(1, 1))\ndef same(xp, x):\n    """Keep it."""\n    return x\n\n\n@operator',
        1,
    )
    with plugins([written(tmp_path, head + text)]):
        assert {"mine", "same"} <= {*OPERATORS}


def test_a_float_stands_for_the_decimal_that_is_written() -> None:
    made = parameter("by", "a factor", default=0.1, lo=0.05)
    assert (str(made.default), str(made.lo)) == ("1/10", "1/20")


def test_a_declaration_leaves_the_function_as_it_is() -> None:
    def kernel(xp: object, x: int) -> int:
        """Double a number."""
        return 2 * x

    declare = operator(name="twice", revision=1, interface=1, takes="delta", operands=(1, 1))
    assert declare(kernel)(None, 4) == 8
    with pytest.raises(Refusal):
        operator(name="Twice", revision=1, interface=1, takes="delta", operands=(1, 1))(kernel)
