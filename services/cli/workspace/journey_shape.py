"""A journey's file: what enters it, what it is for, what ends it, and its steps."""

from __future__ import annotations

from services.cli.workspace.policies_shape import CHANNEL, CLASS
from services.cli.workspace.shapes import (
    ByKind,
    ByWord,
    Choice,
    Condition,
    Duration,
    Flag,
    ListOf,
    Named,
    Shape,
    Table,
    Text,
)

NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,99}"
EVENT = Text("an event type", like="order.placed")
_IF = Condition("must hold, such as event.order.total >= 100")
_ID = Text("keeps its place when steps are added before it", NAME_PATTERN, "second-reminder", "bad-name")

ENTER = Table(
    {
        "on": EVENT,
        "if": _IF,
        "key": Condition("one live entry per value of this, such as event.cart.id; the customer if absent"),
        "again": Text("may a customer enter again", r"never|always|after\s.+", "after 7 days", "bad-duration"),
        "max_age": Duration("an older event enters nothing", "1 day"),
    },
    required=("on",),
    later=("at", "every", "segment", "who", "date"),
    about="what enters",
    like="{on: order.placed}",
)
GOAL = Table(
    {"on": EVENT, "if": _IF, "within": Duration("counted from the entry", "5 days"), "stay": Flag("does not end it")},
    required=("on",),
    like="{on: order.placed, within: 5 days}",
)
EXIT = Table({"on": EVENT, "if": _IF}, required=("on",), like="{on: order.placed}")


def _step() -> Shape:
    return STEP


STEPS = ListOf(Named("step", _step), "one after the other", alone=True)
_CHANNELS = ListOf(CHANNEL, at_least=1)
VIA = ByKind(
    scalar=CHANNEL,
    mapping=Table({"first": _CHANNELS, "all": _CHANNELS}, like="{first: [sms, email]}"),
    wanted="a channel, or a mapping",
    like="{first: [sms, email]}",
    about="email, sms, {first: […]}: the first allowed and reachable, or {all: […]}",
)
SEND = Table(
    {
        "send": Text("a folder in templates/", like="thanks"),
        "via": VIA,
        "otherwise": Choice(("skip", "exit"), "when no channel is allowed", later=("onsite",)),
        "class": CLASS,
        "on_unknown": Choice(("settle", "retry"), "retry may send twice"),
        "id": _ID,
    },
    required=("send", "via"),
    like="{send: thanks, via: email}",
)
WAIT = Table({"wait": Text("calendar days and weeks; shorter units are exact", like="1 day"), "id": _ID})
ARM = ByWord(
    {
        "if": Table({"if": _IF, "do": STEPS}, required=("if", "do"), like="{if: event.order.total >= 100, do: […]}"),
        "else": Table({"else": STEPS}),
    }
)
BRANCH = Table({"branch": ListOf(ARM, "the first whose condition holds", at_least=1), "id": _ID})
STEP = ByWord(
    {"send": SEND, "wait": WAIT, "branch": BRANCH},
    alone=("stop",),
    later=(
        "wait_for", "split", "tag", "untag", "set", "alert", "webhook", "start", "onsite", "survey", "coupon", "points",
    ),
)  # fmt: skip

JOURNEY = Table(
    {
        "journey": Text("its name, that of the file", NAME_PATTERN, "cart-recovery", "bad-name"),
        "title": Text("for people"),
        "about": Text("for people"),
        "owner": Text("who looks after it"),
        "class": CLASS,
        "topic": Text("a line in the preference centre", NAME_PATTERN, "cart-reminders"),
        "enter": ENTER,
        "goal": ListOf(GOAL, "what it is for; reaching one ends it", alone=True),
        "exit": ListOf(EXIT, "what ends it", alone=True),
        "policy": Table(
            {
                "late": Choice(("drop", "recheck", "send"), "what becomes of a step that is late"),
                "max_lateness": Duration("later than this is late", "2 hours"),
            },
            later=("priority", "quiet_hours"),
        ),
        "in_flight": ByKind(
            scalar=Choice(("pin",), "those inside keep the version they entered", later=("drain", "cancel", "migrate")),
            mapping=Table({}, later=("migrate",)),
            wanted="a word",
            like="pin",
        ),
        "steps": ListOf(Named("step", _step), "one after the other", at_least=1),
    },
    required=("journey", "enter", "steps"),
    later=("holdout", "live"),
    about="one journey",
    like="begin it with 'journey: its-name'",
)
