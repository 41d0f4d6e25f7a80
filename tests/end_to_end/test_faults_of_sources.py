"""Folders of sources as strangers make them: what is read, what is copied, and what never is."""

import json
import os
import shutil
import sys
from pathlib import Path

from tests.end_to_end.command_line import Mergec, write_spec
from tests.toy_checkpoints import weights, write_checkpoint

HEAD = ('base = model("./base")', 'code = model("./code")')
CHILD = (*HEAD, "child = linear(base, code)")


def test_pickles_beside_weights_are_left_alone(mergec: Mergec) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        Path("base", name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.")
    write_spec(*CHILD)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.codes) == (0, [])
    assert not [path for path in outcome.made if path.endswith((".bin", ".pt"))]
    assert not Path("owned").exists()


def test_code_of_a_model_is_neither_run_nor_copied(mergec: Mergec) -> None:
    config = json.loads(Path("base/config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_toy.Toy"}
    Path("base/config.json").write_text(json.dumps(config))
    code = "from pathlib import Path\nPath('owned').touch()\n"
    Path("base/modeling_toy.py").write_text(code)
    Path("base/tokenization_toy.py").write_text(code)
    write_spec(*CHILD)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.codes) == (0, ["W406"])
    assert not [path for path in outcome.made if path.endswith(".py")]
    assert not Path("owned").exists()
    assert "modeling_toy" not in sys.modules


def test_files_of_a_tokenizer_are_copied_and_never_run(mergec: Mergec) -> None:
    """A pattern that would never end, and a template that would open a file."""
    tokenizer: dict[str, object] = {
        "model": {"type": "BPE", "vocab": {}, "merges": []},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}},
        "added_tokens": [{"id": 0, "content": "a" * 64 + "!"}],
    }
    template = (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for i in range(10**12) %}{% endfor %}"
    )
    files = {
        "tokenizer.json": json.dumps(tokenizer),
        "tokenizer_config.json": json.dumps({"chat_template": template}),
        "chat_template.jinja": template,
        "generation_config.json": '{"max_length": 20}',
        "preprocessor_config.json": "{}",
        "special_tokens_map.json": "{}",
    }
    for name, text in files.items():
        for folder in ("base", "code"):
            Path(folder, name).write_text(text)
    write_spec(*CHILD)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.codes) == (0, []), outcome.err
    assert {name: Path("out", name).read_text() for name in files} == files


def test_weights_behind_a_link_are_read(mergec: Mergec) -> None:
    """Whoever names a folder means what it leads to."""
    Path("elsewhere").mkdir()
    shutil.move("code", "elsewhere/code")
    Path("code").symlink_to(Path("elsewhere/code"))
    Path("base/model.safetensors").rename("elsewhere/weights.safetensors")
    Path("base/model.safetensors").symlink_to("../elsewhere/weights.safetensors")
    write_spec(*CHILD)
    assert mergec("run", "spec.merge", "-o", "out").status == 0


def test_a_hard_link_is_a_file(mergec: Mergec) -> None:
    Path("twin").mkdir()
    os.link("code/model.safetensors", "twin/model.safetensors")
    write_spec('base = model("./base")', 'twin = model("./twin")', "child = linear(base, twin)")
    assert mergec("run", "spec.merge", "-o", "out").status == 0


def test_a_message_says_nothing_of_what_a_file_holds(mergec: Mergec) -> None:
    secret = "hunter2-and-more-of-it"
    Path("passwords").write_text(f"{secret}\n" * 20)
    for name in ("model.safetensors", "config.json"):
        Path("code", name).unlink()
        Path("code", name).symlink_to(Path("passwords").absolute())
        write_spec(*CHILD)
        outcome = mergec("check", "spec.merge")
        assert outcome.status != 0
        assert secret not in outcome.out + outcome.err
        shutil.rmtree("code")
        write_checkpoint(Path("code"), weights("code"))
