"""Kernels avoid what differs between libraries, builds or thread counts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mergec.backends.torch_backend
import mergec.ops.stage

BANNED = {
    *("lerp", "add", "addcmul", "addcdiv", "pow", "sigmoid", "silu", "sum", "mean", "dot", "vdot"),
    *("matmul", "mm", "einsum", "inner", "norm", "std", "var", "randn", "rand", "topk", "kthvalue"),
    *("quantile", "argsort", "sort", "atan2", "exp", "log"),
}
OPS = Path(mergec.ops.stage.__file__).parent
KERNELS = [p for p in sorted(OPS.glob("*.py")) if "ArrayNamespace" in p.read_text(encoding="utf-8")]
FILES = [*KERNELS, Path(mergec.backends.torch_backend.__file__)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_kernel_calls_a_banned_function(path: Path) -> None:
    assert _banned(path.read_text(encoding="utf-8")) == []


def test_all_kernels_are_looked_at() -> None:
    names = {path.stem for path in FILES}
    stages = {"affine", "trim", "drop", "elect_sign", "agreeing_mean", "slerp"}
    assert names >= {*stages, "exact_sign", "threefry", "torch_backend"}


def test_the_ban_sees_a_call() -> None:
    assert _banned("y = torch.lerp(a, b, t)\nz = x.sum() + math.atan2(a, b)") == ["lerp", "sum"]
    assert _banned("torch.argsort(x, stable=False)\ntorch.exp(x)") == ["argsort", "exp"]


def test_the_ban_leaves_what_the_namespace_declares() -> None:
    assert _banned("y = xp.exp(x)\nz = torch.argsort(x, dim=1, stable=True)") == []
    assert _banned("class Namespace:\n    def exp(self, x):\n        return torch.exp(x)") == []


def _banned(source: str) -> list[str]:
    """Banned methods that are called.

    Free are Python's own `math`, used on the host, the builder of a graph, what a kernel calls on
    its `xp`, a stable sort, and in a namespace the function that a method is named after.
    """
    found: list[str] = []
    for scope, node in _calls(ast.parse(source), ""):
        method = node.func
        if not isinstance(method, ast.Attribute) or method.attr not in BANNED - {scope}:
            continue
        stable = any(ast.unparse(keyword) == "stable=True" for keyword in node.keywords)
        if ast.unparse(method.value) not in ("math", "xp", "builder") and not stable:
            found.append(method.attr)
    return sorted(found)


def _calls(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the name of the function that it stands in."""
    if isinstance(node, ast.FunctionDef):
        scope = node.name
    if isinstance(node, ast.Call):
        yield scope, node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, scope)
