"""Which files of a folder are the checkpoint, and what is said when that is unclear."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergec.catalog import Licence, open_checkpoint
from mergec.diagnostics import Diagnostic, MergecError
from tests.catalog.safetensors_bytes import file_of

ONE = file_of({"w": ("F32", [2], bytes(8))})


def refused(path: Path) -> Diagnostic:
    with pytest.raises(MergecError) as caught:
        open_checkpoint(path)
    (found,) = caught.value.diagnostics
    assert found.help
    return found


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(ONE if name.endswith(".safetensors") else b"{}")
    return folder


def test_complete_folder(tmp_path: Path) -> None:
    small = (
        "LICENSE",
        "NOTICE.txt",
        "chat_template.jinja",
        "generation_config.json",
        "merges.txt",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "spiece.model",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    )
    left = (
        ".gitattributes",
        "README.md",
        "config.json",
        "modeling_x.py",
        "optimizer.pt",
        "pytorch_model.bin",
        "tokenizer.py",
        "training_args.bin",
        "vocab.bin",
    )
    filled(tmp_path, "model.safetensors", *small, *left)
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer.gone").symlink_to("nowhere")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    found, warnings = open_checkpoint(tmp_path)
    assert warnings == ()
    assert found.root == tmp_path
    assert [shard.name for shard in found.shards] == ["model.safetensors"]
    assert [entry.describe() for entry in found.tensors.values()] == ["f32[2]"]
    assert found.config == {"model_type": "bert"}
    assert found.small_files == small
    assert found.licence == Licence("apache-2.0")


def test_bare_file_stands_alone(tmp_path: Path) -> None:
    filled(tmp_path, "model.safetensors", "other.safetensors", "config.json", "vocab.txt")
    found, _ = open_checkpoint(tmp_path / "other.safetensors")
    assert found.root == tmp_path
    assert [shard.name for shard in found.shards] == ["other.safetensors"]
    assert (found.config, found.small_files, found.licence) == (None, (), None)


def test_usual_name_goes_before_others(tmp_path: Path) -> None:
    filled(tmp_path, "adapter.safetensors", "model.safetensors")
    found, _ = open_checkpoint(tmp_path)
    assert [shard.name for shard in found.shards] == ["model.safetensors"]


def test_only_other_name_is_taken_and_hidden_files_are_not(tmp_path: Path) -> None:
    filled(tmp_path, "weights.safetensors", "._weights.safetensors")
    found, _ = open_checkpoint(tmp_path)
    assert [shard.name for shard in found.shards] == ["weights.safetensors"]


def test_links_into_a_cache_are_followed(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0123"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (blobs / "abcd").write_bytes(ONE)
    (snapshot / "model.safetensors").symlink_to("../../blobs/abcd")
    found, _ = open_checkpoint(snapshot)
    assert [entry.file for entry in found.tensors.values()] == ["model.safetensors"]
    assert open_checkpoint(blobs / "abcd")[0].tensors.keys() == {"w"}


@pytest.mark.parametrize("beside", ["../secret.json", "folder-and-more/tokenizer.json"])
def test_a_small_file_that_is_a_link_to_elsewhere_is_not_copied(
    tmp_path: Path, beside: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    filled(folder, "model.safetensors")
    target = tmp_path / "folder-and-more" / "tokenizer.json"
    target.parent.mkdir()
    target.write_text("{}")
    (tmp_path / "secret.json").write_text("{}")
    (folder / "own.txt").write_text("own")
    (folder / "tokenizer.json").symlink_to(
        tmp_path / "folder" / beside if ".." in beside else target
    )
    (folder / "LICENSE").symlink_to("own.txt")
    found, (warning,) = open_checkpoint(folder)
    assert found.small_files == ("LICENSE",)
    assert warning.code == "W707"


def test_several_files_and_no_index(tmp_path: Path) -> None:
    found = refused(filled(tmp_path, "a.safetensors", "b.safetensors"))
    assert found.code == "E717"
    assert found.message == (
        f"`{tmp_path}` holds 2 files that could each be the checkpoint:"
        " `a.safetensors`, `b.safetensors`"
    )
    assert found.help == (f"name the one you mean, such as `{tmp_path / 'a.safetensors'}`",)


def test_file_and_index_of_other_files(tmp_path: Path) -> None:
    filled(tmp_path, "model.safetensors", "x.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": "x.safetensors"}}))
    assert refused(tmp_path).code == "E717"
    index.write_text(json.dumps({"weight_map": {"w": "model.safetensors"}}))
    assert len(open_checkpoint(tmp_path)[0].shards) == 1


@pytest.mark.parametrize("present", [["00002-of-00003"], ["00001-of-00003", "00003-of-00003"]])
def test_part_of_a_sharded_checkpoint(present: list[str], tmp_path: Path) -> None:
    found = refused(filled(tmp_path, *(f"model-{part}.safetensors" for part in present)))
    assert found.code == "E711"
    assert found.message.startswith(
        f"`{tmp_path}` has part of a sharded checkpoint and neither its index nor `model-0000"
    )


def test_numbering_without_end_is_not_counted_out(tmp_path: Path) -> None:
    found = refused(filled(tmp_path, "model-00001-of-99999.safetensors"))
    assert found.message.endswith("`model-00009-of-99999.safetensors` and 99,990 more")


def test_folder_of_pickles(tmp_path: Path) -> None:
    filled(tmp_path, "optimizer.pt", "pytorch_model.bin", "config.json")
    found = refused(tmp_path)
    assert (found.code, found.exit) == ("E706", 12)
    assert found.message == f"`{tmp_path / 'pytorch_model.bin'}` (and 1 more) is in a pickle format"


@pytest.mark.parametrize(
    ("names", "code", "message"),
    [
        ([], "E714", "D is empty"),
        (["config.json"], "E714", "D holds no safetensors file"),
        (["m.safetensors.part"], "E703", "`D/m.safetensors.part` is an unfinished download"),
        (["m.gguf"], "E704", "`D/m.gguf` is not safetensors"),
        (["tf_model.h5"], "E704", "`D/tf_model.h5` is not safetensors"),
    ],
)
def test_folder_without_weights(names: list[str], code: str, message: str, tmp_path: Path) -> None:
    found = refused(filled(tmp_path, *names))
    assert found.code == code
    assert found.message.replace(str(tmp_path), "D") == message.replace("D ", "`D` ")


def test_checkpoint_one_folder_down_is_pointed_at(tmp_path: Path) -> None:
    inner = tmp_path / "0123"
    inner.mkdir()
    filled(inner, "model.safetensors")
    assert refused(tmp_path).help == (f"name the folder `{inner}`, which holds safetensors files",)


def test_checkpoint_without_tensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(file_of({}))
    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = refused(path)
        assert found.code == "E714"
        assert found.message == f"`{path}` holds no tensors"


def test_missing_path_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "bert_base").mkdir()
    found = refused(tmp_path / "bert-base")
    assert found.code == "E701"
    assert found.help == (f"write `{tmp_path / 'bert_base'}`",)


def test_unlistable_folder_keeps_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    found = refused(tmp_path)
    assert found.code == "E715"
    assert found.message == f"`{tmp_path}` cannot be opened: Permission denied (EACCES)"


def test_fifo_in_place_of_the_weights_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    assert refused(tmp_path).code == "E702"


def test_names_that_look_alike_are_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(file_of({"café": ("U8", [1], b"1"), "cafe\u0301": ("U8", [1], b"2")}))
    found, (warning,) = open_checkpoint(path)
    assert len(found.tensors) == 2
    assert warning.code == "W703"
    assert warning.message == (
        f"`{path}` holds the tensors `'caf\\xe9'` and `'cafe\\u0301'`, which look alike"
    )


def test_opening_reads_no_weights_and_loads_no_array_library(tmp_path: Path) -> None:
    filled(tmp_path, "model.safetensors", "config.json")
    script = (
        "import sys; from pathlib import Path; from mergec.catalog import Licence, open_checkpoint;"
        "open_checkpoint(Path(sys.argv[1]));"
        "print([m for m in ('numpy', 'torch', 'mmap', 'safetensors', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "[]\n"


def test_two_unusual_indexes(tmp_path: Path) -> None:
    names = ("a.safetensors.index.json", "b.safetensors.index.json")
    filled(tmp_path, *names)
    found = refused(tmp_path)
    assert found.code == "E717"
    assert found.message.endswith(
        "the checkpoint: `a.safetensors.index.json`, `b.safetensors.index.json`"
    )
    (tmp_path / names[1]).unlink()
    assert refused(tmp_path).message == f"`{tmp_path / names[0]}` has no object `/weight_map`"
