"""What a reference is follows from its text, whatever lies on the disk."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.catalog.reference import HubReference, locate, split_revision
from mergec.diagnostics import MergecError, SourceText
from mergec.plan import check_text

ROOT = Path("/specs")


@pytest.mark.parametrize(
    ("ref", "rev", "found"),
    [
        ("./org/name", None, ROOT / "org/name"),
        ("../org/name", "v1", ROOT / "../org/name"),
        (".", None, ROOT),
        ("..", None, ROOT / ".."),
        ("/org/name", None, Path("/org/name")),
        ("~/org/name", None, Path.home() / "org/name"),
        ("./org@v1", None, ROOT / "org@v1"),
        ("org/name", None, HubReference("org/name", None)),
        ("org/name", "main", HubReference("org/name", "main")),
        ("org/name", "refs/pr/7", HubReference("org/name", "refs/pr/7")),
        ("0rg/na.m-e_1", None, HubReference("0rg/na.m-e_1", None)),
    ],
)
def test_paths_and_models_on_a_hub(ref: str, rev: str | None, found: Path | HubReference) -> None:
    assert locate(ref, rev, ROOT) == found


@pytest.mark.parametrize(
    ("ref", "rev", "help"),
    [
        ("name", None, 'model("./name")'),
        ("-org/name", None, "a hub's is `org/name`"),
        ("org/.name", None, "begin a path with `./`"),
        ("org/name/inner", None, "begin a path with `./`"),
        ("org./name", None, "begin a path with `./`"),
        ("org/name-", None, "begin a path with `./`"),
        ("org/na--me", None, "begin a path with `./`"),
        ("o..rg/name", None, "begin a path with `./`"),
        ("org/name.git", None, "begin a path with `./`"),
        ("hf://models/org/name@v1", None, 'model("org/name@v1")'),
        ("ftp://host/name", None, "copy it here"),
        ("org/name", "", "org/name@main"),
        ("org/name", "../../etc", "org/name@main"),
        ("org/name", "a//b", "org/name@main"),
        ("org/name", "-x", "org/name@main"),
        ("org/name", "a b", "org/name@main"),
        ("~nobody-of-this-name/x", None, "the whole path"),
    ],
)
def test_what_is_neither(ref: str, rev: str | None, help: str) -> None:
    with pytest.raises(MergecError) as caught:
        locate(ref, rev, ROOT)
    (found,) = caught.value.diagnostics
    assert found.code == "E716"
    assert help in (found.help or ("",))[0]


@pytest.mark.parametrize("ref", ["./a@v1", "/a/b@v1", "~/a@v1", "s3://a/b@v1", "a@v1", "a/b/c@v1"])
def test_an_at_sign_elsewhere_is_part_of_the_reference(ref: str) -> None:
    assert split_revision(ref) == (ref, None)


@given(st.text("aZ0_.-/", max_size=8) | st.just("org/name.git"))
def test_the_library_takes_every_name_that_is_taken_here(ref: str) -> None:
    library = pytest.importorskip("huggingface_hub.utils")
    with suppress(MergecError):
        if isinstance(locate(ref, None, ROOT), HubReference):
            library.validate_repo_id(ref)


def test_a_folder_of_that_name_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert locate("org/name", None, tmp_path) == HubReference("org/name", None)


def test_the_label_is_without_the_revision() -> None:
    text = 'a = model("org/a@v1")\nb = model("org/b", rev="v2")\nc = linear(a, b)\n'
    sources = check_text(SourceText("spec.merge", text)).sources
    assert [(each.label, each.ref, each.rev) for each in sources] == [
        ("org/a", "org/a", "v1"),
        ("org/b", "org/b", "v2"),
    ]


def test_two_revisions_of_one_model_need_a_label() -> None:
    text = 'a = model("org/a@v1")\nb = model("org/a@v2")\nc = linear(a, b)\n'
    with pytest.raises(MergecError) as caught:
        check_text(SourceText("spec.merge", text))
    (found,) = caught.value.diagnostics
    assert found.code == "E215"
    assert 'model("org/a@v2", id="org/a-2")' in (found.help or ("",))[0]
