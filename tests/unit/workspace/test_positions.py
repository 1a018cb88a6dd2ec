"""YAML as the workspace reads it: version 1.2, every key and value with its place, nothing that hides a mistake."""

from __future__ import annotations

import pytest
import yaml

from services.cli.workspace.findings import Place
from services.cli.workspace.reading import positions
from services.cli.workspace.reading.positions import Mapping, Scalar, Sequence, plain, read_yaml
from services.cli.workspace.reading.yaml_problems import BadYaml


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    monkeypatch.setattr(positions, "PARSER", kind)


def refusal(text: str) -> BadYaml:
    with pytest.raises(BadYaml) as caught:
        read_yaml(text)
    return caught.value


def test_keys_and_values_know_their_places() -> None:
    tree = read_yaml("zażółć: gęś\nsteps:\n  - send: thanks\n    via: [email, sms]\n")
    assert isinstance(tree, Mapping)
    assert tree.keys == {"zażółć": Place(1, 1), "steps": Place(2, 1)}
    assert tree.values["zażółć"].place == Place(1, 9)
    steps = tree.values["steps"]
    assert isinstance(steps, Sequence)
    step = steps.items[0]
    assert isinstance(step, Mapping)
    assert step.values["via"].place == Place(4, 10)
    via = step.values["via"]
    assert isinstance(via, Sequence)
    assert [item.place for item in via.items] == [Place(4, 11), Place(4, 18)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("NO", "NO"), ("12:30", "12:30"), ("20:00-09:00", "20:00-09:00"),
        ("2026-11-20", "2026-11-20"), ("1_000", "1_000"), ("0x1F", "0x1F"), (".inf", ".inf"), ("010", 10),
        ("true", True), ("False", False), ("null", None), ("~", None), ("12", 12), ("-3", -3), ("1.50", 1.5),
        ("1e3", 1000.0), ("1e999", "1e999"), ('"12"', "12"), ("'true'", "true"), ("$NAME", "$NAME"),
    ],
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert plain(read_yaml(f"key: {text}")) == {"key": value}


def test_the_key_on_stays_text() -> None:
    assert plain(read_yaml("{on: order.placed}")) == {"on": "order.placed"}


def test_a_number_of_ten_thousand_digits_stays_text() -> None:
    assert plain(read_yaml("9" * 10_000)) == "9" * 10_000


def test_style_is_kept_because_columns_depend_on_it() -> None:
    tree = read_yaml("a: x\nb: 'x'\nc: |\n  x\n")
    assert isinstance(tree, Mapping)
    assert [node.style for node in tree.values.values() if isinstance(node, Scalar)] == ["", "'", "|"]


def test_a_key_that_stands_twice_is_refused_where_it_stands_again() -> None:
    error = refusal("a: 1\nb: {c: 1, c: 2}\n")
    assert (error.rule, error.place) == ("duplicate-key", Place(2, 11))
    assert "line 2" in error.hint


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: &x 1\nb: *x\n", Place(1, 4)), ("a: !!str 1", Place(1, 4)), ("a: !x {}", Place(1, 4)), ("*a", Place(1, 1))],
)
def test_anchors_aliases_and_tags_are_refused(text: str, place: Place) -> None:
    error = refusal(text)
    assert (error.rule, error.place) == ("yaml-feature", place)
    assert error.hint


def test_a_second_document_is_refused() -> None:
    error = refusal("a: 1\n---\nb: 2\n")
    assert (error.rule, error.place.line) == ("yaml-feature", 3)


def test_a_thousand_aliases_of_aliases_do_not_grow() -> None:
    laughs = "a: &a [x]\n" + "\n".join(f"a{n}: &a{n} [*a, *a, *a]" for n in range(1000))
    assert refusal(laughs).rule == "yaml-feature"


@pytest.mark.parametrize("text", ["[" * 50_000, "- " * 50_000, "{a: " * 50_000])
def test_nesting_is_bounded_before_it_costs_anything(text: str) -> None:
    assert refusal(text).rule == "too-deep"


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("a: b: c", 1, "quotes"), ("a: 1\n\tb: 2", 2, "spaces"), ('a: "x', 1, "quotes"), ("{a: b", 1, "bracket"),
        ("- send: [\n", 1, "bracket"), ("a: @b", 1, "quotes"), ("a:\n - b\nc\n", 3, ""), ("a: \x07", 1, "character"),
        ("? [a]\n: 1", 1, "quotes"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_refused_with_line_and_advice(text: str, line: int, advice: str) -> None:
    error = refusal(text)
    assert error.rule == "bad-yaml"
    assert error.place.line == line
    assert advice in error.hint


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_a_text_that_says_nothing_has_no_tree(text: str) -> None:
    assert read_yaml(text) is None


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert refusal("a: \ud800").rule == "bad-yaml"
