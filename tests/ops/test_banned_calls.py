"""Kernels avoid what differs between libraries, builds or thread counts."""

import ast
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


def _banned(source: str) -> list[str]:
    """Banned methods that are called; Python's own `math`, used on the host, is free."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    methods = [func for func in calls if isinstance(func, ast.Attribute)]
    library = [m for m in methods if not (isinstance(m.value, ast.Name) and m.value.id == "math")]
    return sorted(m.attr for m in library if m.attr in BANNED)
