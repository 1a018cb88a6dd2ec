"""A journey's tests: `journeys/<name>.test.yaml`, beside the journey."""

from __future__ import annotations

from services.cli.workspace.shapes.journey import EVENT, NAME_PATTERN
from services.cli.workspace.shapes.policies import CHANNEL
from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    ByWord,
    Choice,
    Flag,
    ListOf,
    Names,
    Shape,
    Table,
    Text,
)
from services.contracts.message import CHANNELS

RECEIPTS = ("accepted", "deferred", "delivered", "bounced", "opened", "clicked", "complained", "unsubscribed",
            "refused", "unknown")  # fmt: skip
_AT = Text("on the customer's clock, else the shop's", like="2026-03-28 21:00", rule="bad-cron-or-time")
_NAME = Text("a journey", NAME_PATTERN, "welcome", "bad-name")
_HAS = ListOf(Text("a part of it", like="Hello"), "what it must contain", alone=True, at_least=1)
_DATA = Anything("the event's data; the customer is added, unless it names one itself")
_HAPPENS = Table(
    {"at": _AT, "event": EVENT, "data": _DATA}, required=("at", "event"),
    like="{at: 2026-03-28 21:00, event: cart.updated, data: {cart: {id: k1}}}",
)  # fmt: skip
GIVEN = Table(
    {
        "at": _AT,
        "profile": Anything("what is known of the customer: id, email, consents, tags, … and facts that `set` makes"),
        "happened": ListOf(_HAPPENS, "what happened before, without any journey"),
        "arms": Names(Text("an arm", like="a"), "which way splits fall, by step id", NAME_PATTERN, "split-1"),
        "held_out": Flag("keep the customer silent by the holdout; without it nobody is"),
    },
    about="what is known before",
    like="{profile: {email: anna@example.com}}",
)
WHEN = ByWord(
    {
        "event": _HAPPENS,
        "receipt": Table(
            {
                "at": _AT,
                "receipt": Choice(RECEIPTS, "what became of a message", what="receipt"),
                "of": Text("a template or a step id: of its newest message", like="welcome"),
                "data": Anything("{url: …} of a click, {hard: true} of a bounce"),
            },
            required=("at", "of"),
            like="{at: 2026-03-28 22:00, receipt: clicked, of: welcome}",
        ),
        "confirm": Table(
            {"at": _AT, "confirm": Text("a template or a step id: the link in its newest message", like="welcome")},
            required=("at",),
            like="{at: 2026-03-28 22:00, confirm: confirm-signup}",
        ),
        "preferences": Table(
            {
                "at": _AT,
                "preferences": Names(
                    Choice(("subscribed", "unsubscribed"), what="choice"),
                    "what is saved in the preference centre, by channel or channel:topic",
                    rf"({'|'.join(CHANNELS)})(:{NAME_PATTERN})?",
                    "email:newsletter",
                ),
                "of": Text("a template or a step id: by the link in its newest message", like="welcome"),
            },
            required=("at", "of"),
            like="{at: 2026-03-28 22:00, preferences: {email: unsubscribed}, of: welcome}",
        ),
    },
    about="what happens, in the order of time",
)
_WHICH: dict[str, Shape] = {"at": _AT, "journey": _NAME}
THEN = ByWord(
    {
        "send": Table(
            {"at": _AT, "send": Text("a template", like="welcome"), "via": CHANNEL, "text has": _HAS,
             "subject has": _HAS},
            later=("coupon",),
        ),
        "alert": Table({"at": _AT, "alert": Text("a template", like="detractor"), "text has": _HAS}),
        "webhook": Table({"at": _AT, "webhook": Text("its url, as the step has it", like="$CRM_URL")}),
        "enrolled": Table({"at": _AT, "enrolled": _NAME}),
        "ended": Table({"ended": Text("the reason", like="completed"), **_WHICH}),
        "skipped": Table({"skipped": Text("the reason why it did not enter, or said nothing", like="no_consent"),
                          **_WHICH}),
        "profile": Table({"profile": Anything("facts, as they are in the end")}),
        "nothing": Table({"nothing": Flag("no message at all")}),
    },
    about="what is expected; a message that is not named here fails the test",
)  # fmt: skip
CASE = Table(
    {
        "test": Text("what holds, as a sentence", like="who orders hears no reminder"),
        "with": ByKind(
            scalar=Text("another journey, or all", like="all"), items=ListOf(_NAME),
            wanted="all, or a list of journeys", like="[welcome]",
            about="which journeys take part beside this one and those that it starts",
        ),
        "given": GIVEN,
        "when": ListOf(WHEN, "what happens"),
        "then": ListOf(THEN, "what is expected", at_least=1),
        "until": _AT,
    },
    required=("test", "when", "then"),
    like="{test: …, when: […], then: […]}",
)  # fmt: skip
CASES = ListOf(CASE, "the tests of a journey", at_least=1)
