"""The closed list of reasons, and the decisions that name them. docs/reasons.md is compared in tests/docs."""

from __future__ import annotations

import re

from services.contracts.reasons import Reason
from tests.unit.test_house_rules import ROOT, python_files


def test_every_reason_is_one_that_some_decision_gives() -> None:
    """A name that nothing uses would promise an explanation that never comes."""
    lists = ROOT / "services/contracts/reasons.py"
    text = "".join(path.read_text() for path in python_files("services") if path != lists)
    assert set(re.findall(r"\bReason\.([A-Z_]+)", text)) == set(Reason.__members__)


def test_a_reason_is_its_name_in_small_letters() -> None:
    """Counters and rows show it: renaming one breaks whoever counts."""
    assert all(reason.value == reason.name.lower() for reason in Reason)
