"""Whatever stands in a workspace's files, loading gives findings in little time, and never an exception."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.cli.workspace.command import report
from services.cli.workspace.findings import errors
from services.cli.workspace.load import load
from services.cli.workspace.shapes.journey import JOURNEY as JOURNEY_SHAPE
from services.cli.workspace.shapes.settings import SETTINGS as SETTINGS_SHAPE
from tests.support.examples import examples
from tests.unit.workspace.folder import FILES, JOURNEY, MAIL, SETTINGS, write

PLACES = st.sampled_from([*FILES, "journeys/other.yaml", "events/shop.visited.schema.json", "templates/new/email.mjml"])
WORDS = st.sampled_from([
    *JOURNEY_SHAPE.fields, *SETTINGS_SHAPE.fields, "on", "if", "key", "send", "wait", "branch", "stop", "do", "else",
    "via", "first", "all", "email", "sms", "order.placed", "hello", "1 day", "storefront", "http", "provider", "resend",
    "derive", "cart.abandoned", "steps", "$KEY", "event.order.total > 5", "off", "until 10:00", "after 1 day",
])  # fmt: skip
SCALARS = st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)
QUICKLY = settings(
    max_examples=examples(150),
    deadline=2_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)


def check_holds(changed: dict[str, str | bytes]) -> None:
    """Loading and reporting end well, and there is a workspace exactly where there is no error."""
    with tempfile.TemporaryDirectory() as home:
        found = load(write(Path(home), changed))
        assert (found.workspace is None) == bool(errors(found.findings))
        assert all(finding.message and finding.file for finding in found.findings)
        assert report(found)


@QUICKLY
@given(PLACES, st.binary(max_size=200))
@example("wici.yaml", b"\x00")
@example("journeys/hello.yaml", b"\xff\xfe")
def test_random_bytes_in_any_file_are_findings(name: str, raw: bytes) -> None:
    check_holds({name: raw})


@QUICKLY
@given(PLACES, st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@example("journeys/hello.yaml", b"a\xe2\x80\xa8b: 1")
@example("journeys/hello.yaml", b"\xc2\x85")
def test_random_text_in_any_file_is_findings(name: str, raw: bytes) -> None:
    check_holds({name: raw})


@QUICKLY
@given(st.sampled_from(["wici.yaml", "journeys/hello.yaml"]), TREES)
def test_random_trees_of_known_words_are_findings(name: str, tree: Any) -> None:
    check_holds({name: yaml.safe_dump(tree, allow_unicode=True)})


@QUICKLY
@given(st.dictionaries(st.sampled_from([*SETTINGS_SHAPE.fields]), TREES, min_size=1, max_size=3))
def test_settings_with_some_keys_replaced_are_findings(replaced: dict[str, Any]) -> None:
    check_holds({"wici.yaml": yaml.safe_dump({**yaml.safe_load(SETTINGS), **replaced})})


@QUICKLY
@given(st.dictionaries(st.sampled_from([*JOURNEY_SHAPE.fields]), TREES, min_size=1, max_size=3))
def test_journeys_with_some_keys_replaced_are_findings(replaced: dict[str, Any]) -> None:
    good = yaml.load(JOURNEY, Loader=yaml.BaseLoader)  # noqa: S506 -- texts only
    check_holds({"journeys/hello.yaml": yaml.safe_dump({**good, **replaced})})


@QUICKLY
@given(st.data())
def test_a_file_with_characters_changed_is_findings_or_still_right(data: st.DataObject) -> None:
    name, text = data.draw(
        st.sampled_from(
            [
                ("wici.yaml", SETTINGS),
                ("journeys/hello.yaml", JOURNEY),
                ("templates/hello/pl/email.mjml", MAIL),
            ]
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from("{}[]:,-#&*!|>'\"%@` \t\n\0\u2028é$")) + text[at + 1 :]
    check_holds({name: text})
