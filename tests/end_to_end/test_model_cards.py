"""The card of a child: what the hub reads in its front matter, and what people read below."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.command_line import ROOT, Mergec, mergec, write_spec

__all__ = ["mergec"]


def card(folder: str = "out") -> tuple[dict[str, Any], str]:
    """Front matter and body."""
    _, front, body = Path(folder, "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), body


def under(folder: str, *lines: str) -> None:
    Path(folder, "README.md").write_text("\n".join(["---", *lines, "---", ""]))


def two(mergec: Mergec, *contracts: str) -> None:
    lines = ['base = model("./base")', 'code = model("./code")', "child = linear(base, code)"]
    write_spec(*lines, *contracts)
    done = mergec("run", "spec.merge", "-o", "out")
    assert done.status == 0, done.err


def test_what_the_hub_reads(mergec: Mergec) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    Path("base", "config.json").write_text(json.dumps(config))
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert card()[0] == {
        "base_model": ["./base", "./code", "./math"],
        "base_model_relation": "merge",
        "library_name": "transformers",
        "license": "apache-2.0",
        "tags": ["merge", "mergec"],
    }


def test_what_people_read(mergec: Mergec) -> None:
    Path("base", "modeling_x.py").write_text("raise SystemExit\n")
    Path("base", "optimizer.pt").write_bytes(b"pickle")
    Path("base", ".hidden").write_text("")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    body = card()[1]
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings == [
        "# child",
        "## Licences",
        "## Plan",
        "## Spec (`spec.merge`)",
        "## Left out",
        "## Reproduce",
    ]
    assert "| `./base` | `./base` | `Apache-2.0` |" in body
    assert "**One licence**: all parents are under `apache-2.0`." in body
    assert "These files of `./base` were not copied: `modeling_x.py`, `optimizer.pt`." in body
    assert "`ties` (revision " in body
    assert Path("spec.merge").read_text().strip() in body
    assert "mergec run spec.merge -o out" in body


@pytest.mark.parametrize(
    ("first", "second", "said", "finding"),
    [
        (
            ["license: MIT"],
            ["license: mit"],
            {"license": "mit"},
            "**One licence**: all parents are under `mit`.",
        ),
        (
            ["license: mit"],
            ["license: llama3.1"],
            {"license": "other", "license_name": "llama3.1-and-mit"},
            "**All of them bind the child**: the child is bound by `llama3.1` (restricted use)",
        ),
        (
            ["license: gpl-3.0"],
            ["license: gemma"],
            {"license": "other"},
            "**These licences are in conflict**: `gpl-3.0-only` admits no further conditions",
        ),
        (
            ["license: mit"],
            ["tags: [a]"],
            {"license": "other"},
            "**It cannot be told**: `./code` states no licence",
        ),
        (
            ["license: MIT OR Apache-2.0"],
            ["license: mit or apache-2.0"],
            {"license": "other", "license_name": "mit-or-apache-2.0"},
            "**One licence**",
        ),
        (["a: b"], ["a: b"], {"license": "unknown"}, "**It cannot be told**"),
        (
            ["license: other", "license_name: mine", "license_link: LICENSE"],
            ["license: other", "license_name: mine", "license_link: LICENSE"],
            {"license": "other", "license_name": "mine", "license_link": "LICENSE"},
            "**One licence**: `./base` is under terms of its own; `./code` is",
        ),
        (
            ["license: other", "license_name: mine", "license_link: ELSEWHERE"],
            ["license: other", "license_name: mine", "license_link: ELSEWHERE"],
            {"license": "other", "license_name": "mine"},
            "**One licence**",
        ),
    ],
)
def test_licences_of_two_parents(
    mergec: Mergec, first: list[str], second: list[str], said: dict[str, str], finding: str
) -> None:
    under("base", *first)
    under("code", *second)
    Path("base", "LICENSE").write_text("terms\n")
    two(mergec)
    front, body = card()
    assert {key: text for key, text in front.items() if key.startswith("license")} == said
    assert finding in body


def test_a_contract_takes_any_spelling_and_the_licence_in_config(mergec: Mergec) -> None:
    under("base", "license: MIT")
    Path("code", "README.md").unlink()
    config = json.loads(Path("code", "config.json").read_text())
    Path("code", "config.json").write_text(json.dumps({**config, "license": "gpl-3.0"}))
    two(mergec, 'require license(child) in ["mit", "GPL-3.0", "gemma"], "any of these"')
    assert "| `./code` | `./code` | `GPL-3.0-only`, in config.json |" in card()[1]
    assert mergec("run", "spec.merge", "-o", "out").status != 0  # it is there


def test_each_export_keeps_its_own_contract(mergec: Mergec) -> None:
    under("code", "license: mit")
    under("math", "license: gemma")
    lines = [f'{name} = model("./{name}")' for name in ("base", "code", "math")]
    lines += ["one = linear(base, code)", "two = linear(base, math)"]
    lines += ['export one as "one"', 'export two as "two"']
    lines += ['require license(one) in ["apache-2.0", "mit"], "for all uses"']
    write_spec(*lines, 'require license(two) in ["apache-2.0", "gemma"], "for most uses"')
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert card("out/one")[0]["license_name"] == "apache-2.0-and-mit"
    assert card("out/two")[0]["license_name"] == "apache-2.0-and-gemma"
    write_spec(*lines, 'require license(two) in ["apache-2.0", "mit"], "for all uses"')
    found = mergec("check", "spec.merge")
    assert (found.codes, found.status) == (["E501"], 5)
    assert "`license(two)` is `apache-2.0 + gemma`" in found.err


def test_a_licence_by_its_text_is_the_childs(mergec: Mergec) -> None:
    for folder in ("base", "code"):
        Path(folder, "README.md").unlink()
        Path(folder, "LICENSE").write_text((ROOT / "LICENSE").read_text())
    two(mergec, 'require license(child) == "apache-2.0", "by its text"')
    front, body = card()
    assert front["license"] == "apache-2.0"
    assert "| `./code` | `./code` | `Apache-2.0`, by its text |" in body


def test_nothing_in_a_name_breaks_the_card(mergec: Mergec) -> None:
    under("base", "license: other", 'license_name: "a|b` c"')
    two(mergec)
    assert "| `./base` | `./base` | `other` (`a¦b' c`) |" in card()[1]


def test_the_dtype_is_stated_wherever_it_was(mergec: Mergec) -> None:
    part = {"dtype": "float32", "model_type": "clip"}
    config = {"torch_dtype": "float32", "vision_config": part, "quantum": {"dtype": "float32"}}
    Path("base", "config.json").write_text(json.dumps(config))
    lines = ['base = model("./base")', 'code = model("./code")']
    write_spec(*lines, 'export linear(base, code) as "child" { dtype = f16 }')
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    known = json.loads(Path("out", "config.json").read_text())
    assert known == {
        "torch_dtype": "float16",
        "vision_config": {"dtype": "float16", "model_type": "clip"},
        "quantum": {"dtype": "float32"},
    }


def test_licence_texts_of_all_parents_come_along(mergec: Mergec) -> None:
    for folder, text in (("base", "one"), ("code", "two"), ("math", "one")):
        Path(folder, "LICENSE.txt").write_text(text)
    Path("code", "NOTICE").write_text("by us")
    Path("math", "NOTICE").write_text("by them")
    shown = mergec("plan", "spec.merge").out
    assert "  from ./code: LICENSE.txt as LICENSE-code.txt, NOTICE as NOTICE-code\n" in shown
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    texts = {path.name: path.read_text() for path in Path("out").glob("[LN]*")}
    assert texts == {
        "LICENSE.txt": "one",
        "LICENSE-code.txt": "two",
        "NOTICE-code": "by us",
        "NOTICE-math": "by them",
    }
    write_spec('a = model("./base")', 'b = model("./out", id="x/code")', "child = linear(b, a)")
    assert mergec("run", "spec.merge", "-o", "grandchild").status == 0
    kept = {path.name: path.read_text() for path in Path("grandchild").glob("[LN]*")}
    assert kept == texts
    assert mergec("verify", "grandchild").status == 0


def test_two_licence_texts_never_get_one_name(mergec: Mergec) -> None:
    Path("base", "LICENSE-code").write_text("of the base")
    Path("code", "LICENSE").write_text("of the code")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    texts = {path.name: path.read_text() for path in Path("out").glob("LICENSE*")}
    assert texts == {"LICENSE-code": "of the base", "LICENSE-code-2": "of the code"}
