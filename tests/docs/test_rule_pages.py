"""Each rule of `wici check` has a page, made of an example that breaks it and one that keeps it, and both are tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.findings import RULES
from services.cli.workspace.rule_pages import BASE, EXAMPLES, FOLDER, example, found, pages


def test_each_rule_has_an_example_and_each_example_a_rule() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {BASE, *RULES}


@pytest.mark.parametrize("rule", RULES)
def test_the_wrong_example_breaks_this_rule_at_the_marked_place_and_no_other_rule(rule: str) -> None:
    shown = example(rule)
    places = [shown.at] if isinstance(shown.at, str) else shown.at
    assert [(one.rule, one.place) for one in found(shown.wrong)] == [(rule, place) for place in places]


@pytest.mark.parametrize("rule", RULES)
def test_the_right_example_breaks_no_rule(rule: str) -> None:
    assert [one.render() for one in found(example(rule).right)] == []


def test_what_is_wrong_is_explained_with_what_to_write_instead() -> None:
    assert [rule for rule in RULES if not all(one.hint for one in found(example(rule).wrong))] == []


def test_the_pages_are_what_the_examples_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in Path(FOLDER).glob("*.md")}
    assert written == pages(), "run python -m services.cli.workspace.rule_pages"
