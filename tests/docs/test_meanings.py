"""`wici explain` says of every reason what docs/reasons.md says of it."""

from __future__ import annotations

import re

from services.contracts.reasons import Reason
from services.insights.explain.meanings import MEANINGS
from tests.docs.markdown import ROOT


def test_a_reason_means_on_the_screen_what_it_means_on_the_page() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\S.*) \|$", (ROOT / "docs/reasons.md").read_text(), re.MULTILINE))
    page = {reason: re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("`", "") for reason, text in rows.items()}
    assert {reason: page.get(reason) for reason in MEANINGS} == MEANINGS


def test_no_reason_is_shown_by_its_bare_name() -> None:
    assert MEANINGS.keys() == {reason.value for reason in Reason}
