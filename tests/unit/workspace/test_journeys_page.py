"""docs/journeys.md says what the code does: its example checks, its words are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from services.cli.workspace.shapes.journey import ENTER, JOURNEY, STEP
from tests.unit.workspace.folder import SETTINGS, loaded

PAGE = (Path(__file__).parents[3] / "docs/journeys.md").read_text()


def test_the_example_is_a_journey_of_the_recipes(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    recipes = Path(__file__).parents[3] / "recipes/en/templates"
    texts: dict[str, str | bytes] = {
        f"templates/{path.parts[-3]}/pl/{path.name}": path.read_bytes() for path in recipes.glob("cart-[hlr]*/*/*")
    }
    senders = SETTINGS + "senders: {marketing: {email: hello@shop.example}}\n"
    senders += "topics: {cart-reminders: {title: Cart reminders}}\n"
    found = loaded(tmp_path, {**texts, "wici.yaml": senders, "journeys/cart-recovery.yaml": example[1]})
    assert found.findings == []


def test_every_word_of_a_later_version_is_named() -> None:
    later = PAGE.partition("## Not in this version")[2]
    for word in (*JOURNEY.later, *ENTER.later, *STEP.later):
        assert f"`{word}`" in later


def test_every_key_of_a_journey_is_explained() -> None:
    head = PAGE.partition("## The head")[2].partition("## Steps")[0]
    for key in (*JOURNEY.fields, *ENTER.fields):
        assert f"`{key}" in head or key == "steps"
