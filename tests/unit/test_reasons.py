"""The closed list of reasons, and the decisions that name them. docs/reasons.md is compared in tests/docs."""

from __future__ import annotations

import re
from typing import get_type_hints

from services.contracts.reasons import Reason
from services.notifier import drafts, outcomes
from services.trigger_engine.journeys import reaction, situation
from services.trigger_engine.policies import timing
from tests.unit.test_house_rules import ROOT, python_files

DECISIONS = (
    situation.Sleep,
    situation.End,
    reaction.EntryRow,
    reaction.Note,
    reaction.Walked,
    reaction.Revocation,
    timing.Held,
    outcomes.Change,
)


def test_every_reason_is_one_that_some_decision_gives() -> None:
    """A name that nothing uses would promise an explanation that never comes."""
    lists = ROOT / "services/contracts/reasons.py"
    text = "".join(path.read_text() for path in python_files("services") if path != lists)
    assert set(re.findall(r"\bReason\.([A-Z_]+)", text)) == set(Reason.__members__)


def test_a_reason_is_its_name_in_small_letters() -> None:
    """Counters and rows show it: renaming one breaks whoever counts."""
    assert all(reason.value == reason.name.lower() for reason in Reason)


def test_whatever_is_dropped_skipped_or_ended_is_so_for_a_reason_of_the_list() -> None:
    """By type: a decision, a note, a row or a change of a message that names another reason does not pass mypy."""
    given = {kind: get_type_hints(kind).get("reason") for kind in DECISIONS}
    assert {kind.__name__: hint for kind, hint in given.items() if hint not in (Reason, Reason | None)} == {}


def test_every_kind_of_decision_with_a_reason_is_asked_so() -> None:
    found = set()
    for module in (situation, reaction, timing, outcomes, drafts):
        found |= {
            kind for kind in vars(module).values()
            if isinstance(kind, type) and kind.__module__ == module.__name__ and "reason" in kind.__annotations__
        }  # fmt: skip
    assert found <= set(DECISIONS)


def test_a_message_that_will_not_leave_is_never_settled_without_a_reason() -> None:
    """In SQL too: where a state of no return is written, so is a reason, and never as text of its own."""
    silent = ("REVOKED", "DROPPED", "EXPIRED")
    for path in python_files("services"):
        for statement in re.findall(r'f?"""(.*?)"""', path.read_text(), re.DOTALL):
            assert not re.search(r"\breason\s*=\s*'[a-z_]+'|'[a-z_]+' ELSE reason", statement), path
            if "UPDATE queue.outbound" in statement and any(
                f"{{State.{state}}}" in statement.split("WHERE")[0] for state in silent
            ):
                assert re.search(r"\breason\s*=", statement), path
