"""What is wrong with a recipe is told, with its place, and nothing is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.recipes import Folders, import_mergekit

HERE = Folders(Path(), Path())
SLERP = "merge_method: slerp\nbase_model: ./a\nmodels: [{model: ./a}, {model: ./b}]\n"
LINEAR = "merge_method: linear\nmodels: [{model: ./a}, {model: ./b}]\n"
SLICE = "merge_method: passthrough\nslices: [{sources: [{model: ./a, layer_range: %s}]}]\n"


def findings(text: str, *, lenient: bool = False) -> tuple[Diagnostic, ...]:
    """Everything that is told about a recipe."""
    try:
        return import_mergekit(SourceText("r.yml", text), HERE, lenient=lenient).findings
    except MergecError as error:
        return error.diagnostics


def told(text: str, *, lenient: bool = False) -> list[tuple[str, str]]:
    """The code of each finding, and the text that it is about."""
    found = findings(text, lenient=lenient)
    return [(each.code, each.span.text if each.span else "") for each in found]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: [1, 2", "E904", ""),
        ("a: \x07", "E904", "\x07"),
        ("[" * 30 + "]" * 30, "E904", "["),
        ("a: [" + "1, " * 20_001 + "]", "E904", "1"),
        ("a: &x 1", "E905", "&x 1"),
        ("a: *x", "E905", "*x"),
        ("a: !!python/name:os.system 1", "E905", "!!python/name:os.system 1"),
        ("<<: {a: 1}", "E905", "<<"),
        ("[a]: 1", "E905", "a"),
        ("dtype: float16\ndtype: float32", "E906", "dtype"),
        (f"{SLERP}paramters: {{t: 0.5}}", "E907", "paramters"),
        (f"{SLERP}parameters: {{t: 0.5, tt: 0.5}}", "E907", "tt"),
        (f"{SLERP}parameters: [t]", "E908", "t"),
        (f"{SLERP}parameters: {{t: half}}", "E908", "half"),
        (f"{SLERP}parameters: {{t: .inf}}", "E908", ".inf"),
        (f"{SLERP}parameters: {{t: 2024-01-01}}", "E908", "2024-01-01"),
        (f"{SLERP}parameters: {{t: [0, null]}}", "E908", "null"),
        (f"{SLERP}parameters: {{t: 0.5}}\ndtype: int8", "E908", "int8"),
        (f"{SLERP}parameters: {{t: 0.5}}\nbase_model: a+b+c", "E906", "base_model"),
        (SLICE % "5", "E908", "5"),
        (SLICE % "[0, 1.5]", "E908", "1.5"),
        (SLERP, "E909", "models"),
        ("merge_method: linear", "E909", "merge_method"),
        (f"{LINEAR}slices: []", "E909", "slices"),
        ("", "E909", ""),
        (f"{SLERP}parameters: {{t: 0.5}}\n".replace("slerp", "slurp"), "E910", "slurp"),
        (SLICE % "[4, 4]", "E911", "4, 4"),
        (SLICE % "[8, 4]", "E911", "8, 4"),
        (SLERP.replace("base_model: ./a\n", ""), "E911", "models"),
        (LINEAR.replace("./b", "./a"), "E911", "./a"),
        (LINEAR.replace("linear", "passthrough"), "E911", "models"),
        ("base_model: ./a\ngate_mode: hidden\nexperts: []", "E912", "gate_mode"),
        (
            LINEAR
            + "parameters: {weight: 1, normalize: [{filter: mlp, value: true}, {value: no}]}",
            "E912",
            "filter: mlp, value",
        ),
        (
            (SLICE % "[4, 8]") + "parameters: {scale: [{filter: layers.5, value: 0}]}",
            "E912",
            "sources",
        ),
        (f"{SLERP}parameters: {{t: 1}}\nmodules: {{ears: {{models: []}}}}", "E909", "modules"),
        (
            "merge_method: linear\nmodules: {ears: {models: [{model: ./a}]}}\n"
            "parameters: {weight: 1}\n---\nname: x\nmerge_method: linear\n"
            "modules: {ears: {models: [{model: ./a}]}, decoder: {models: [{model: ./a}]}}\n",
            "E912",
            "ears",
        ),
        (
            "merge_method: linear\nmodels: [{model: x}]\nparameters: {weight: 1}\n"
            "tokenizer_source: x\n---\nname: x\nmerge_method: passthrough\nmodels: [{model: ./a}]",
            "E912",
            "x",
        ),
        (
            f"{SLERP}parameters: {{t: 0.5}}\n".replace("slerp", "ties")
            + "---\nname: a\nmerge_method: linear\nmodels: [{model: b}]\n"
            + "---\nname: b\nmerge_method: linear\nmodels: [{model: a}]\n",
            "E913",
            "name: a",
        ),
        (f"{LINEAR}---\n{LINEAR}", "E913", "merge_method: linear"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, code: str, place: str) -> None:
    assert (code, place) in [(found, where.split("\n")[0]) for found, where in told(text)]


def test_what_the_spec_would_be_refused_for_is_told_in_its_words() -> None:
    (found,) = findings(
        "merge_method: ties\nbase_model: ./a\n"
        "models: [{model: ./b, parameters: {weight: 1, density: -1}}]\n"
    )
    assert (found.code, found.span and found.span.text) == ("E914", "-1")
    assert "`density` must be greater than 0 and at most 1" in found.message
    assert "mk.ties(a, b; weights=1, density=-1)" in found.notes[0]


@pytest.mark.parametrize(
    ("written", "read", "trapped"),
    [
        ("0.5", "0.5", False),
        (".5", "0.5", False),
        ("1.0e-3", "0.001", False),
        ("1e-3", "0.001", True),
        ("'1e-3'", "0.001", False),
        ("010", "8", True),
        ("01", "1", False),
        ("0x10", "16", False),
        ("1_000", "1000", False),
        ("1:30", "90", True),
        ("yes", "1", True),
        ("-2", "-2", False),
    ],
)
def test_numbers_are_what_mergekit_reads(written: str, read: str, trapped: bool) -> None:
    text = "merge_method: slerp\nbase_model: ./a\nmodels: [{model: ./b}]\n"
    text += f"parameters: {{t: {written}}}"
    found = import_mergekit(SourceText("r.yml", text), HERE)
    assert f"t={read})" in found.text
    assert ("W903" in [each.code for each in found.findings]) == trapped


def test_words_that_yaml_takes_for_something_else_stay_words() -> None:
    text = "merge_method: passthrough\nmodels: [{model: no}]\n---\nname: 2024-01-01\n" + LINEAR
    assert ("W903", "no") in told(text)
    assert ("W903", "2024-01-01") in told(text)


def test_six_mistakes_that_mergekit_accepts_are_all_reported() -> None:
    text = (Path(__file__).parent / "goldens" / "mistakes.yml").read_text()
    strict = [(code, place.split("\n")[0]) for code, place in told(text)]
    assert strict == [
        ("E907", "wieght"),
        ("W903", "5e-1"),
        ("W902", "density"),
        ("W907", 'filter: "*mlp*"'),
        ("W907", "filter: self_attn"),
        ("E907", "tokeniser_source"),
        ("E907", "normalise"),
    ]
    lenient = told(text, lenient=True)
    assert [code for code, _ in lenient if code[0] == "E"] == []
    assert [code for code, _ in lenient].count("W901") == 3


def test_what_a_method_does_not_read_is_told() -> None:
    text = (
        "merge_method: ties\nbase_model: ./a\nparameters: {weight: 1, int8_mask: true}\n"
        "models: [{model: ./a, parameters: {weight: 2}}, {model: ./b, parameters: {lambda: 2}}]\n"
    )
    assert [place for code, place in told(text) if code == "W902"] == [
        "int8_mask",
        "weight",
        "lambda",
    ]


def test_a_model_may_be_given_by_its_parts() -> None:
    text = (
        "merge_method: linear\nparameters: {weight: 1}\nmodels:\n"
        "  - model: {model: {path: ./a+b@c, revision: v1}, override_architecture: Llama}\n"
        "  - model: {model: org/x@v2, lora: {path: ./l}}\n  - model: org/x\n"
    )
    found = import_mergekit(SourceText("r.yml", text), HERE)
    assert found.text.splitlines()[3:8] == [
        'a_b_c    = model("./a+b@c", rev="v1")',
        'x        = model("org/x@v2")',
        'l        = adapter("./l")',
        "x_with_l = x + l",
        'x_2      = model("org/x", id="x_2")',
    ]
    assert [each.code for each in found.findings] == ["W905", "W906", "W905"]


def test_a_folder_is_told_from_a_model_on_a_hub(tmp_path: Path) -> None:
    (tmp_path / "org" / "local").mkdir(parents=True)
    text = "merge_method: linear\nparameters: {weight: 1}\nmodels: [%s]"
    models = "{model: org/local}, {model: org/far@v1}, {model: gpt2}, {model: ./near}"
    folders = Folders(tmp_path, tmp_path / "specs")
    found = import_mergekit(SourceText("r.yml", text % models), folders)
    assert [
        line.partition("model")[2] for line in found.text.splitlines() if "= model" in line
    ] == [
        '("../org/local")',
        '("org/far@v1")',
        '("../gpt2")',
        '("../near")',
    ]
    assert [each.code for each in found.findings] == ["W905", "W908", "W908"]


KEYS = st.sampled_from(
    [
        *("models", "slices", "modules", "model", "sources", "layer_range", "parameters", "dtype"),
        *("merge_method", "base_model", "weight", "t", "filter", "value", "name", "x"),
        *("tokenizer", "source", "tokens", "density"),
    ]
)
WORDS = st.sampled_from(
    ["ties", "linear", "slerp", "./a", "./b", "a+b", "a@b", "union", "no", "1e-3", "010", "null"]
)
LEAVES = st.one_of(WORDS, st.integers(-2, 9).map(str), st.text("[]{}:,&*!-#'\"\n ab~", max_size=6))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(KEYS, inner), max_size=5).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
        ),
    ),
    max_leaves=12,
)


@given(st.one_of(TREES, st.text(max_size=60)), st.booleans())
def test_no_text_is_too_odd_to_be_told_about(text: str, lenient: bool) -> None:
    findings(text, lenient=lenient)


@given(
    TREES, st.sampled_from(["models", "parameters", "slices", "tokenizer", "base_model", "dtype"])
)
def test_no_value_of_a_known_key_is_too_odd(value: str, key: str) -> None:
    findings(
        f"merge_method: linear\nmodels: [{{model: ./a}}]\nparameters: {{weight: 1}}\n{key}: {value}"
    )
    findings(f"merge_method: ties\nbase_model: ./b\n{key}: {value}")
