"""Tensor names are taken as they are, or mapped by the one prefix that fits, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from mergec.catalog import NameMap, TensorName, match_names


def names(*texts: str) -> list[TensorName]:
    return [TensorName(text) for text in texts]


def matched(demanded: list[str], available: list[str]) -> NameMap:
    return match_names(names(*demanded), names(*available))


# The shapes of the names in three published checkpoints of one family.
ENCODER = [
    "embeddings.word_embeddings.weight",
    "encoder.layer.0.attention.self.query.weight",
    "encoder.layer.0.attention.self.query.bias",
    "pooler.dense.weight",
]
BERT = [f"bert.{name}" for name in ENCODER]
PRETRAINED = [*BERT, "cls.predictions.bias"]
CLASSIFIER = [*BERT, "classifier.weight", "classifier.bias"]


def test_equal_names_need_no_rule() -> None:
    found = matched(BERT, CLASSIFIER)
    assert found == NameMap({name: name for name in names(*BERT)}, None, (), ())
    assert found.complete


def test_prefix_is_stripped() -> None:
    found = matched(BERT, ENCODER)
    assert found.rule == "`bert.*` -> `*`"
    assert found.names == dict(zip(BERT, ENCODER, strict=True))
    assert list(found.names) == BERT
    assert found.complete


def test_prefix_is_added_past_a_head() -> None:
    found = matched(ENCODER, CLASSIFIER)
    assert found.rule == "`*` -> `bert.*`"
    assert found.names == dict(zip(ENCODER, BERT, strict=True))
    assert found.complete


def test_names_that_exist_are_kept_beside_mapped_ones() -> None:
    found = matched([*BERT, "classifier.weight"], [*ENCODER, "classifier.weight"])
    assert found.rule == "`bert.*` -> `*`"
    assert found.names[TensorName("classifier.weight")] == "classifier.weight"
    assert found.complete


def test_head_that_the_other_lacks_is_missing_and_the_rest_mapped() -> None:
    found = matched(PRETRAINED, ENCODER)
    assert found.rule == "`bert.*` -> `*`"
    assert found.missing == ("cls.predictions.bias",)
    assert found.ambiguous == ()
    assert len(found.names) == len(ENCODER)
    assert not found.complete
    assert matched(PRETRAINED, CLASSIFIER).missing == ("cls.predictions.bias",)


def test_unlike_names_are_all_missing_in_order() -> None:
    found = matched(["z", "a.b", "m"], ["q", "m"])
    assert found == NameMap({TensorName("m"): TensorName("m")}, None, tuple(names("z", "a.b")), ())


def test_two_rules_that_fit_are_ambiguous() -> None:
    found = matched(["w", "b"], ["x.w", "x.b", "y.w", "y.b", "z.w"])
    assert found.rule is None
    assert found.names == {}
    assert found.missing == ("w", "b")
    assert found.ambiguous == ("`*` -> `x.*`", "`*` -> `y.*`")
    assert matched(["p.q.w"], ["q.w", "w"]).ambiguous == ("`p.*` -> `*`", "`p.q.*` -> `*`")


def test_two_rules_that_fit_in_part_are_none() -> None:
    found = matched(["w", "b"], ["x.w", "y.b"])
    assert (found.rule, found.missing, found.ambiguous) == (None, ("w", "b"), ())


def test_two_names_never_meet_in_one_tensor() -> None:
    found = matched(["a.x", "x"], ["x"])
    assert (found.rule, found.missing) == (None, ("a.x",))


def test_prefix_has_at_most_four_parts() -> None:
    assert matched(["w"], ["a.b.c.d.w"]).rule == "`*` -> `a.b.c.d.*`"
    assert matched(["w"], ["a.b.c.d.e.w"]).rule is None


def test_odd_dots() -> None:
    assert matched(["a."], ["a"]).missing == ("a.",)
    assert matched([".a"], ["a"]).rule == "`.*` -> `*`"
    assert matched([], ["a"]).complete


PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
NAME_SETS = st.lists(PARTS, unique=True, max_size=6)


@given(NAME_SETS, NAME_SETS)
def test_result_accounts_for_every_name_once(demanded: list[str], available: list[str]) -> None:
    found = matched(demanded, available)
    assert set(found.names) | set(found.missing) == set(demanded)
    assert not set(found.names) & set(found.missing)
    assert set(found.names.values()) <= set(available)
    assert len(set(found.names.values())) == len(found.names)
    assert all(found.names[name] == name for name in names(*demanded) if name in available)
    assert not (found.rule and found.ambiguous)
    assert len(found.ambiguous) != 1


@given(NAME_SETS.filter(bool), PARTS)
def test_an_added_prefix_is_found_or_ambiguous(demanded: list[str], prefix: str) -> None:
    found = matched(demanded, [f"{prefix}.{name}" for name in demanded])
    rule = f"`*` -> `{prefix}.*`"
    if found.rule == rule:
        assert found.names == {name: f"{prefix}.{name}" for name in demanded}
    else:
        # A name of one's own, such as `a.a` beside `a`, can speak for itself or for another rule.
        assert any(f"{prefix}.{name}" in demanded for name in demanded) or found.ambiguous
