"""Whatever a verified webhook holds, it becomes good events or one named refusal, and never another error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway import translation
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.places import WORDS
from services.kit.errors import BadRecord
from tests.contract.storefront_cases import DATA, payload
from tests.support.examples import examples
from tests.unit.storefronts.heard import events

NAMES = sorted(file.stem for file in DATA.glob("*_*.json"))
TOPICS = sorted((name, topic) for name, each in STOREFRONTS.items() for topic in each.topics)
PLACES = dict.fromkeys(WORDS, "meta_data.own") | {"order.total": "note_attributes.own"}
ODD = ["", " ", "0", "-1", "1e400", "NaN", "\0", "\ud800", "x" * 400, "2026-13-01", "9999-12-31T23:59:59-14:00", "&#0;"]

rubbish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "key", "name"]), inner),
    max_leaves=4,
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [found for key, item in inner for found in places_in(item, (*path, key))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


OUTCOMES = {"translated", "webhook_unreadable", "webhook_untranslatable"}
KEPT: dict[str, Any] = {name: json.loads(payload(name)) for name in NAMES}
PATHS = {name: places_in(KEPT[name]) for name in NAMES}


def judged(platform: str, topic: str, body: bytes) -> tuple[str, list[translation.Event]]:
    """The events, or the name of the refusal."""
    try:
        return "translated", events(platform, topic, body, PLACES)
    except BadRecord as refused:
        return refused.reason, []


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=examples(40), deadline=None, database=None)
def test_one_odd_member_anywhere_gives_good_events_or_a_named_refusal(name: str, data: st.DataObject) -> None:
    platform = name.partition("_")[0]
    topic = data.draw(st.sampled_from([topic for owner, topic in TOPICS if owner == platform]))
    path = data.draw(st.sampled_from(PATHS[name]))
    body = json.dumps(replaced(KEPT[name], path, data.draw(rubbish))).encode()
    outcome, found = judged(platform, topic, body)
    assert outcome in OUTCOMES
    assert (outcome, found) == judged(platform, topic, body)


@given(st.sampled_from(TOPICS), st.binary(max_size=30) | rubbish.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=examples(100), deadline=None, database=None)
def test_any_body_under_any_topic_gives_good_events_or_a_named_refusal(topic: tuple[str, str], body: bytes) -> None:
    assert judged(*topic, body)[0] in OUTCOMES
