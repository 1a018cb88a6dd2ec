"""What counts as another graph, and what may not change under those who stand in it."""

from __future__ import annotations

import msgspec

from services.cli.publish import changed_meanings, graph_digest
from services.contracts.journey import Arm, Branch, Enter, Journey, Send, Stop, Wait

THANKS = Journey(
    name="thanks",
    title="Thanks",
    enter=Enter(on="order.placed"),
    steps=(
        Send(id="first", template="thanks", via=("email",)),
        Branch(id="choice", arms=(Arm(do=(Send(id="inner", template="more", via=("sms",)),), condition="true"),)),
    ),
)


def test_words_for_people_and_the_number_are_no_part_of_the_graph() -> None:
    told = msgspec.structs.replace(THANKS, title="Dzięki", about="why", owner="Anna", revision=7)
    assert graph_digest(told) == graph_digest(THANKS)


def test_whatever_decides_where_an_entry_goes_is_part_of_the_graph() -> None:
    changes = [
        {"enter": Enter(on="order.paid")},
        {"steps": THANKS.steps[:1]},
        {"klass": "transactional"},
        {"late": "drop"},
        {"topic": "news"},
    ]
    digests = {graph_digest(msgspec.structs.replace(THANKS, **change)) for change in changes}  # type: ignore[arg-type]
    assert len(digests | {graph_digest(THANKS)}) == len(changes) + 1


def test_a_step_id_that_becomes_another_kind_of_step_has_changed_its_meaning() -> None:
    waits = msgspec.structs.replace(THANKS, steps=(Wait(id="first", amount=1, unit="days"),))
    assert changed_meanings(THANKS, waits) == ["first"]


def test_a_step_id_that_sends_something_else_has_changed_its_meaning_inside_a_branch_too() -> None:
    arm = Arm(do=(Send(id="inner", template="other", via=("sms",)),), condition="true")
    other = msgspec.structs.replace(THANKS, steps=(Branch(id="choice", arms=(arm,)),))
    assert changed_meanings(THANKS, other) == ["inner"]


def test_new_steps_removed_steps_and_other_channels_change_no_meaning() -> None:
    steps = (Send(id="first", template="thanks", via=("sms", "email")), Stop(id="stop"))
    assert changed_meanings(THANKS, msgspec.structs.replace(THANKS, steps=steps)) == []
