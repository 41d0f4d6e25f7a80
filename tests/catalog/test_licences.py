"""A licence is stated or unknown; its spellings are one; what parents ask together is found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergec.catalog import Licence, read_licence
from mergec.catalog.licence_ids import OF_THE_HUB, is_licence, licence_key, spdx_expression
from mergec.catalog.licence_terms import Family, terms_of
from mergec.catalog.licence_union import licence_finding

BOMB = "license: {a: &a [x], b: &b [*a, *a], c: [*b, *b]}"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n# A model", "mit"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("\ufeff---\nlicense: mit\n---\n", "mit"),
        (
            "---\ntags:\n- merge\nlicense: 'llama3.1'  # so\nlanguage: en\n---\n",
            "llama3.1",
        ),
        ("---\nlicense:\n- apache-2.0\ntags: []\n---\n", "apache-2.0"),
        ("---\nlicense:\n  cc-by-nc-4.0\n---\n", "cc-by-nc-4.0"),
        ("---\nlicense: no\n---\n", "no"),
        ("---\nlicense_name: mit\n---\n", None),
        ("---\nmodel-index:\n  license: mit\n---\n", None),
        ("---\nlicense: [mit, apache-2.0]\n---\n", None),
        ("---\nlicense: {id: mit}\n---\n", None),
        ("---\nlicense: mit\nlicense: gpl\n---\n", None),
        ("---\nlicense:\n---\n", None),
        ("---\nlicense: 'mit\n---\n", None),
        ("---\nlicense: *unknown\n---\n", None),
        (f"---\n{BOMB}\n---\n", None),
        ("---\nlicense: " + "[" * 400 + "\n---\n", None),
        ("---\nlicense: the terms below\n---\n", None),
        ("---\nlicense: MIT OR Apache-2.0\n---\n", "MIT OR Apache-2.0"),
        ("---\nlicense: (mit and gpl-3.0)\n---\n", "MIT AND GPL-3.0-only"),
        ("---\nlicense: mit and mine\n---\n", None),
        ("---\nlicense: mit\u202e\n---\n", None),
        ("---\nlicense: mit\n", None),
        ("# A model\nlicense: mit\n---\n", None),
        ("", None),
    ],
)
def test_licence_in_the_front_matter(card: str, licence: str | None, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(card.encode())
    found = read_licence(path)
    assert (found.id if found is not None else None) == licence


def test_licence_of_no_or_unreadable_card_is_unknown(tmp_path: Path) -> None:
    assert read_licence(tmp_path / "README.md") is None
    assert read_licence(tmp_path) is None
    path = tmp_path / "README.md"
    path.write_bytes(b"---\nlicense: \xff\n---\n")
    assert read_licence(path) is None


def test_licence_beside_a_long_table_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    table = "".join(f"- dataset: {{name: d{i}}}\n" for i in range(40_000))
    path.write_text(f"---\nmodel-index:\n{table}license: mit\n---\n")
    assert read_licence(path) == Licence("mit")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (
            "license: other\nlicense_name: my-terms\nlicense_link: LICENSE\n",
            Licence("other", "my-terms", "LICENSE"),
        ),
        (
            "license: other\nlicense_link: https://example.org/terms\n",
            Licence("other", None, "https://example.org/terms"),
        ),
        ("license: other\nlicense_link: ../../secret\n", Licence("other")),
        ("license: other\nlicense_link: file:///secret\n", Licence("other")),
        ('license: other\nlicense_name: "a\\e[2J"\n', Licence("other")),
        ("license: other\nlicense_name: [a, b]\n", Licence("other")),
        ("license: mit\nlicense_name: gemma\n", Licence("mit")),
    ],
)
def test_other_terms_have_a_name_and_a_link(card: str, licence: Licence, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"---\n{card}---\n")
    assert read_licence(path) == licence


@pytest.mark.parametrize(
    ("config", "licence"),
    [
        ({"license": "apache-2.0"}, Licence("apache-2.0", stated_in="config")),
        ({"license": "other", "license_name": "x"}, Licence("other", "x", stated_in="config")),
        ({"license": ["mit"]}, None),
        ({"license": "the terms below"}, None),
        ({"license": "m" * 1000}, None),
        ({}, None),
    ],
)
def test_config_is_asked_where_no_card_tells(
    config: Mapping[str, Any], licence: Licence | None, tmp_path: Path
) -> None:
    path = tmp_path / "README.md"
    assert read_licence(path, config=config) == licence
    path.write_text("---\nlicense: mit\n---\n")
    assert read_licence(path, config=config) == Licence("mit")


@pytest.mark.parametrize(
    ("written", "spdx", "key"),
    [
        ("apache-2.0", "Apache-2.0", "apache-2.0"),
        ("MIT", "MIT", "mit"),
        ("gpl-3.0", "GPL-3.0-only", "gpl-3.0-only"),
        ("odbl", "ODbL-1.0", "odbl-1.0"),
        ("bsl-1.0", "BSL-1.0", "bsl-1.0"),
        ("mit OR apache-2.0", "MIT OR Apache-2.0", "mit or apache-2.0"),
        ("gpl", None, "gpl"),
        ("llama3.1", None, "llama3.1"),
        ("Gemma", None, "gemma"),
        ("other", None, "other"),
        ("my-own", None, "my-own"),
        ("mit(", None, "mit("),
        ("(" * 150, None, "(" * 150),
        ("mit or " * 40 + "mit", None, "mit or " * 40 + "mit"),
    ],
)
def test_spellings_of_a_licence_are_one(written: str, spdx: str | None, key: str) -> None:
    assert (spdx_expression(written), licence_key(written)) == (spdx, key)


def test_no_name_looks_like_a_known_licence() -> None:
    assert Licence("other", "MIT").key == "licenseref-mit"
    assert Licence("other", "Tongyi Qianwen!").key == "licenseref-tongyi-qianwen"
    assert Licence("other").key == "other"


def test_names_of_the_hub_are_known_and_so_is_what_they_ask() -> None:
    assert all(is_licence(name) for name in OF_THE_HUB)
    unknown = {name for name in OF_THE_HUB if terms_of(name).family is Family.UNKNOWN}
    assert unknown == {"apple-ascl"}
    assert not is_licence("apach-2.0")


@pytest.mark.parametrize(
    ("stated", "verdict"),
    [
        (["mit", "MIT"], "same"),
        (["llama3.1", "llama3.1"], "same"),
        (["cc-by-nd-4.0", "cc-by-nd-4.0"], "conflict"),
        (["mit", "apache-2.0"], "union"),
        (["apache-2.0", "llama3.1"], "union"),
        (["cc-by-nc-4.0", "cc-by-nc-sa-4.0", "mit"], "union"),
        (["llama3.1", "cc-by-nc-4.0"], "union"),
        (["gpl-3.0", "agpl-3.0"], "union"),
        (["cc-by-sa-4.0", "gpl-3.0"], "union"),
        (["cc-by-sa-4.0", "osl-3.0"], "conflict"),
        (["gpl-3.0", "gemma"], "conflict"),
        (["gpl-3.0", "cc-by-nc-4.0"], "conflict"),
        (["cc-by-nc-sa-4.0", "llama2"], "conflict"),
        (["mit", "cc-by-nc-nd-4.0"], "conflict"),
        (["mit", None], "unclear"),
        ([None, None], "unclear"),
        (["mit", "other"], "unclear"),
        (["mit", "of-mine"], "unclear"),
        (["mit or apache-2.0", "mit"], "unclear"),
    ],
)
def test_what_parents_ask_together(stated: list[str | None], verdict: str) -> None:
    parents = {f"p{at}": Licence(it) if it else None for at, it in enumerate(stated)}
    finding = licence_finding(parents)
    assert finding.verdict == verdict
    assert finding.reasons
    assert licence_finding(dict(reversed(parents.items()))).verdict == verdict


def test_a_finding_says_why() -> None:
    parents = {"a": Licence("gpl-3.0"), "b": Licence("llama3.1"), "c": None}
    assert licence_finding(parents).reasons == (
        "`gpl-3.0-only` admits no further conditions, and `llama3.1` has some",
    )
    assert licence_finding({"a": Licence("mit"), "c": None}).reasons == ("`c` states no licence",)
