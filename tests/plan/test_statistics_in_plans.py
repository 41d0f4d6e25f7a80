"""Which tensors an operator on matrices or with statistics merges, and what becomes of others."""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import pytest

from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.plan import Plan, compile_text, fit_budget
from mergec.plan.review import review
from tests.catalog.safetensors_bytes import Tensor
from tests.toy_checkpoints import bf16, integers, write_checkpoint

Shapes = Mapping[str, tuple[int, ...]]

MODEL: Shapes = {
    "embed.weight": (8, 4),
    "layers.0.up.weight": (6, 4),
    "layers.1.up.weight": (6, 4),
    "norm.weight": (4,),
}
LAYERS: Shapes = {name: shape for name, shape in MODEL.items() if "layers" in name}
GRAMS: Shapes = {"layers.0.up.weight": (4, 4), "layers.1.up.weight": (4, 4)}


def write(root: Path, prefix: str = "", **sources: Shapes) -> None:
    """A checkpoint of bf16 tensors of these shapes for each name."""
    for name, shapes in sources.items():
        tensors = {f"{prefix}{k}": bf16(f"{name}{k}", shape) for k, shape in shapes.items()}
        write_checkpoint(root / name, tensors)


def plan(root: Path, *lines: str) -> Plan:
    """The plan of a spec that binds every checkpoint below `root` by its name."""
    head = [f'{path.name} = model("./{path.name}")' for path in sorted(root.iterdir())]
    text = "\n".join([*head, *lines, ""])
    return compile_text(SourceText("spec.merge", text), root).plan


def mistakes(root: Path, *lines: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        plan(root, *lines)
    return tuple(found for found in caught.value.diagnostics if found.severity == "error")


def stages(found: Plan) -> dict[str, list[str]]:
    """The stages that compute each tensor, without the addition to the base."""
    return {row.tensor: [call.stage for call in row.program.calls] for row in found.rows}


def test_only_matrices_with_a_gram_matrix_are_regression_means(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, ga=GRAMS, gb=GRAMS)
    found = plan(tmp_path, "child = regmean(a, b; grams=[ga, gb])")
    assert stages(found) == {
        "embed.weight": ["affine"],
        "layers.0.up.weight": ["regmean"],
        "layers.1.up.weight": ["regmean"],
        "norm.weight": ["affine"],
    }
    assert [row.exactness for row in found.rows] == ["P", "T", "T", "P"]
    assert len({row.program.key for row in found.rows}) == 2
    assert [source.unused for source in found.sources] == [0, 0, 0, 0]


def test_the_review_says_what_stands_for_the_others(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, ga=GRAMS, gb=GRAMS)
    found = plan(tmp_path, "child = regmean(a, b; grams=[ga, gb])")
    text = review(found, fit_budget(found, 1 << 30, 1, "reference"))
    assert (
        "  child = regmean(a, b; grams=[ga, gb], alpha=0.9, ridge=0.00000001, weights=1) : Model\n"
    ) in text
    assert (
        "for each tensor\n"
        "  child: regmean\n"
        "    the mean, for no source has its statistic  embed.weight\n"
        "    as written × 2                             layers.*.up.weight\n"
        "    the mean, for it is no matrix              norm.weight\n"
    ) in text
    whole = plan(tmp_path, 'child = select(regmean(a, b; grams=[ga, gb]), "layers.*")')
    assert "for each tensor" not in review(whole, fit_budget(whole, 1 << 30, 1, "reference"))


def test_what_is_no_matrix_is_a_mean_on_the_base(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, base=MODEL)
    for operator, stage in (("iso_c", "flatten_spectrum"), ("tsvm", "join_spectra")):
        found = plan(tmp_path, f"child = {operator}(base, a, b; scale=3)")
        said = stages(found)
        assert said["norm.weight"] == ["affine"]
        assert said["embed.weight"][-2:] == [stage, "affine"]
        (row,) = [row for row in found.rows if row.tensor == "norm.weight"]
        assert str(dict(row.program.calls[0].params)["coefficients"]) == (
            "(Fraction(3, 2), Fraction(3, 2), Fraction(-2, 1))"
        )


def test_statistics_are_found_behind_a_prefix(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL)
    write(tmp_path, "model.", ga=GRAMS, gb=GRAMS)
    found = plan(tmp_path, "child = regmean(a, b; grams=[ga, gb])")
    assert [*stages(found).values()] == [["affine"], ["regmean"], ["regmean"], ["affine"]]


def test_operands_behind_a_prefix_have_their_statistics(tmp_path: Path) -> None:
    """The value is asked for by the names of another."""
    write(tmp_path, a=MODEL, ga=GRAMS)
    write(tmp_path, "model.", b=MODEL, c=MODEL, gc=GRAMS)
    found = plan(tmp_path, "child = linear(a, regmean(b, c; grams=[ga, gc]))")
    assert stages(found)["layers.0.up.weight"] == ["regmean", "affine"]
    assert stages(found)["embed.weight"] == ["affine"]


def test_views_and_matches_of_statistics(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, ga=GRAMS, gb={f"x.{k}": s for k, s in GRAMS.items()})
    renamed = 'rename(gb, "x.*" => "*")'
    found = plan(tmp_path, f"child = regmean(a, b; grams=[ga, {renamed}])")
    assert stages(found)["layers.1.up.weight"] == ["regmean"]
    half = 'select({}, "layers.0.*")'
    one = plan(
        tmp_path,
        f"child = regmean(a, b; grams=[{half.format('ga')}, {half.format(renamed)}])",
    )
    assert stages(one)["layers.0.up.weight"] == ["regmean"]
    assert stages(one)["layers.1.up.weight"] == ["affine"]
    by_match = plan(
        tmp_path,
        'child = match { "layers.1.*" => regmean(a, b; grams=[ga, ga], alpha=0), else => a }',
    )
    assert [*stages(by_match).values()] == [[], [], ["regmean"], []]


def test_every_tensor_needs_its_fisher_information(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, fa=MODEL, fb=LAYERS)
    (found,) = mistakes(tmp_path, "child = fisher(a, b; fishers=[fa, fb])")
    assert (found.code, found.message) == (
        "E413",
        "`./fb` has no Fisher tensor of tensor `embed.weight`",
    )
    assert "so it is in 1 more tensor" in found.notes
    assert found.span is not None
    assert found.span.text == "[fa, fb]"
    (both,) = mistakes(tmp_path, "child = fisher(a, b; fishers=[fb, fb])")
    assert both.message == "`./fb` has no Fisher tensor of tensor `embed.weight`"
    helped = plan(
        tmp_path, 'child = match { "layers.*" => fisher(a, b; fishers=[fa, fb]), else => a }'
    )
    assert stages(helped)["layers.0.up.weight"] == ["fisher"]


def test_one_gram_matrix_cannot_be_weighed_against_none(tmp_path: Path) -> None:
    write(tmp_path, a=MODEL, b=MODEL, ga=GRAMS, gb={"layers.0.up.weight": (4, 4)})
    (found,) = mistakes(tmp_path, "child = regmean(a, b; grams=[ga, gb])")
    assert (found.code, found.message) == (
        "E413",
        "`./gb` has no Gram matrix of tensor `layers.1.up.weight`",
    )
    assert found.notes == ("of `./ga` it is there, and one cannot be weighed against none",)


def test_a_gram_matrix_has_the_size_of_the_inputs(tmp_path: Path) -> None:
    wrong = {name: (6, 6) for name in GRAMS}
    write(tmp_path, a=MODEL, b=MODEL, ga=GRAMS, gb=wrong)
    (found,) = mistakes(tmp_path, "child = regmean(a, b; grams=[ga, gb])")
    assert (found.code, found.message) == (
        "E402",
        "the Gram matrix of `layers.0.up.weight` and of 1 more has another shape than "
        "`regmean` needs",
    )
    assert found.notes == (
        "`layers.0.up.weight` is bf16[6,4], so its Gram matrix must be [4,4], and in `./gb` it is "
        "bf16[6,6]",
    )


def test_fisher_information_has_the_shape_of_the_tensor(tmp_path: Path) -> None:
    write(tmp_path, a={"w": (2, 3)}, b={"w": (2, 3)}, fa={"w": (2, 3)}, fb={"w": (3, 2)})
    (found,) = mistakes(tmp_path, "child = fisher(a, b; fishers=[fa, fb])")
    assert found.code == "E402"
    assert "must be [2,3]" in found.notes[0]


def test_what_contracts_read_must_fit_too(tmp_path: Path) -> None:
    write(tmp_path, a={"w": (4, 4)}, b={"w": (2, 8)}, g={"w": (3, 3)})
    for of, shape in (("regmean(a; grams=[g])", "./g"), ("b", "./b"), ("linear(a, b)", "./b")):
        contract = f'require norm({of} - a) < 100, "near"'
        found = mistakes(tmp_path, "export a", contract)
        assert [each.code for each in found] == ["E402"]
        assert f"`{shape}`" in str(found[0]) + str(found[0].notes)
    # What the output shows is not said again of the contract.
    both = mistakes(tmp_path, "child = linear(a, b)", 'require norm(child - a) < 1, "near"')
    assert [each.code for each in both] == ["E402"]


def test_a_source_may_be_a_value_and_a_statistic(tmp_path: Path) -> None:
    write(tmp_path, a={"w": (3, 3)}, b={"w": (3, 3)})
    found = plan(tmp_path, "child = fisher(a, b; fishers=[b, a])")
    (row,) = found.rows
    assert (row.labels, row.program.calls[0].operands) == (("./a", "./b"), (0, 1, 1, 0))


def test_more_deltas_than_singular_values_are_refused(tmp_path: Path) -> None:
    write(tmp_path, a={"w": (2, 9)}, b={"w": (2, 9)}, base={"w": (2, 9)})
    assert stages(plan(tmp_path, "child = tsvm(base, a, b)"))["w"][-2] == "join_spectra"
    plan(tmp_path, "export delta tsvm(a - base, b - base)")
    for call in ("tsvm(base, a, b, 2*a - b)", "base + tsvm(a - base, b - base, 2*a - b - base)"):
        (found,) = mistakes(tmp_path, f"child = {call}")
        message = "`tsvm` takes at most 2 operands for tensor `w` and has 3"
        assert (found.code, found.message) == ("E209", message)


def test_integers_are_compared_and_not_merged(tmp_path: Path) -> None:
    """They have no statistics, and those of a file that has them are not read."""
    steps: Tensor = integers("I64", 1, 2)
    for name in ("a", "b"):
        write_checkpoint(tmp_path / name, {"w": bf16(name, (2, 2)), "steps": steps})
    for name, other in (("fa", {"steps": integers("I64", 8, 9)}), ("fb", {})):
        write_checkpoint(tmp_path / name, {"w": bf16(name, (2, 2)), **other})
    for call in ("fisher(a, b; fishers=[fa, fb])", "regmean(a, b; grams=[fa, fb])"):
        rows = {row.tensor: row for row in plan(tmp_path, f"child = {call}").rows}
        assert rows["steps"].action == "copy"
        assert [label for label, _ in rows["steps"].equal] == ["./b"]


def test_the_budget_counts_what_whole_matrices_need(tmp_path: Path) -> None:
    """Gram matrices that are far larger than the layer, and the factors of a decomposition."""
    out, inside = 2, 1024
    write(
        tmp_path,
        a={"w": (out, inside)},
        b={"w": (out, inside)},
        ga={"w": (inside, inside)},
        gb={"w": (inside, inside)},
    )
    peak = {
        text: fit_budget(plan(tmp_path, f"child = {text}"), 1 << 30, 1, "reference").peak
        for text in ("linear(a, b)", "regmean(a, b; grams=[ga, gb])", "iso_c(ga, gb)", "tsvm(a, b)")
    }
    square = 8 * inside**2
    assert peak["regmean(a, b; grams=[ga, gb])"] - peak["linear(a, b)"] > 8 * square
    assert peak["iso_c(ga, gb)"] > 8 * square
    assert peak["tsvm(a, b)"] < peak["iso_c(ga, gb)"]
    with pytest.raises(MergecError) as caught:
        fit_budget(plan(tmp_path, "child = iso_c(ga, gb)"), 100 << 20, 1, "reference")
    assert [found.code for found in caught.value.diagnostics] == ["E601"]
    assert prod((out, inside)) < 2**16
