"""The reference and the code name the same things."""

from __future__ import annotations

import re
from pathlib import Path

from services.notifier.compose import filters, language, markup, publish, registry, render

REFERENCE = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()


def test_the_reference_names_every_filter_variable_link_and_key() -> None:
    words = set(re.findall(r"`([a-z_.]+)`", REFERENCE)) | {"d", "e", "count"}  # short names of default, escape, length
    assert set(registry.FILTERS) <= words
    assert all(f"`{name}(" in REFERENCE for name in registry.FUNCTIONS)
    assert words >= language.ROOTS
    assert {f"links.{name}" for name in language.LINKS} <= words
    assert {key for keys in publish._KEYS.values() for key in keys} <= words
    assert words >= publish.KINDS


def test_the_reference_states_the_limits_that_hold() -> None:
    for limit in (publish.MAX_FILE, markup.MAX_ELEMENTS, filters.MAX_STEPS, filters.MAX_RANGE, filters.MAX_TEXT):
        assert f"{limit:,}" in REFERENCE
    for limit in (render.MAX_HTML, render.MAX_TEXT, render.MAX_SUBJECT, render.MAX_SEGMENTS, markup.MAX_LEVELS):
        assert f"{limit:,}" in REFERENCE
