"""docs/reasons.md is the closed list of reasons, and nothing else."""

from __future__ import annotations

import re

from services.contracts.reasons import Reason
from tests.docs.markdown import ROOT


def test_every_reason_is_explained_once_and_no_other_is() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\S.*) \|$", (ROOT / "docs/reasons.md").read_text(), re.MULTILINE)
    assert sorted(reason for reason, _ in rows) == sorted(reason.value for reason in Reason)
