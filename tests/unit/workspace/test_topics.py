"""`topics:` of wici.yaml: what customers choose in the preference centre."""

from __future__ import annotations

from pathlib import Path

from services.contracts.settings import Topic
from tests.unit.workspace.folder import JOURNEY, SETTINGS, loaded, said, the

TOPICS = (
    "topics:\n  cart-reminders: {title: Koszyki}\n  news: {title: {pl: Nowości, en: News}, about: Raz w tygodniu}\n"
)

MARKETING = JOURNEY.replace("transactional", "marketing")


def test_titles_are_texts_or_one_for_each_language(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"wici.yaml": SETTINGS + TOPICS})
    assert {one.rule for one in found.findings} == {"unused-topic"}
    assert found.workspace is not None
    assert found.workspace.settings.topics == {
        "cart-reminders": Topic({"": "Koszyki"}),
        "news": Topic({"pl": "Nowości", "en": "News"}, {"": "Raz w tygodniu"}),
    }


def test_a_journeys_topic_that_is_not_listed_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    about = MARKETING + "topic: cart-reminder\n"
    found = loaded(tmp_path, {"wici.yaml": SETTINGS + TOPICS, "journeys/hello.yaml": about})
    finding = the([one for one in found.findings if one.rule != "unused-topic"])
    assert (finding.rule, finding.severity, finding.hint) == (
        "unlisted-topic", "warning", "write instead: cart-reminders")  # fmt: skip
    assert found.workspace is not None


def test_where_no_topic_is_listed_the_warning_says_where_to_write_it(tmp_path: Path) -> None:
    about = MARKETING + "topic: cart-reminder\n"
    finding = the(loaded(tmp_path, {"journeys/hello.yaml": about}).findings)
    assert finding.hint == "write topics: {cart-reminder: {title: …}} in wici.yaml"


def test_a_topic_without_a_title_is_an_error_and_a_colour_is_six_digits(tmp_path: Path) -> None:
    settings = SETTINGS.replace("shop: {", "shop: {colour: green, ") + "topics: {news: {about: x}}\n"
    assert [rule for _, rule in said(loaded(tmp_path, {"wici.yaml": settings}).findings)] == [
        "bad-value", "missing-key"]  # fmt: skip
