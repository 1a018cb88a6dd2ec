"""A journey's file: what enters it, what it is for, what ends it, and its steps."""

from __future__ import annotations

from services.cli.workspace.shapes.policies import CHANNEL, CLASS, HOLDOUT
from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    ByWord,
    Choice,
    Condition,
    Duration,
    Flag,
    ListOf,
    Named,
    Names,
    Number,
    Shape,
    Table,
    Text,
)

NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,99}"
HOOK_PATTERN = r"\$[A-Za-z_]\w*|https://[^\s/]+\S*"
EVENT = Text("an event type", like="order.placed")
_IF = Condition("must hold, such as event.order.total >= 100")
_WHEN = Text("a day, or a day and a time, in the shop's zone", like="2026-11-20 10:00", rule="bad-cron-or-time")
_ID = Text("keeps its place when steps are added before it", NAME_PATTERN, "second-reminder", "bad-name")

EVERY_STEP: dict[str, Shape] = {"if": Condition("else the step is passed over"), "id": _ID}

ENTER = Table(
    {
        "on": EVENT,
        "segment": Text("a segment of segments.yaml: on entering it", like="vip"),
        "at": Text(
            "once, at a day and time: 2026-12-01 10:00; with date a time of day: 09:00",
            like="2026-12-01 10:00",
            rule="bad-cron-or-time",
        ),
        "date": Text(
            "every year, on a day of the customer's own", r"profile\.[a-z][a-z0-9_]{0,62}", "profile.birthday"
        ),
        "before": Duration("so many days ahead of it", "7 days"),
        "every": Text("again and again: a cron expression of five fields", like="0 10 * * tue"),
        "who": Text(
            "whom a schedule is for: all, or segment.NAME", rf"all|segment\.{NAME_PATTERN}", "segment.newsletter"
        ),
        "zone": Choice(("customer", "shop"), "whose clock a schedule goes by"),
        "pace": Text(
            "how many customers enter in a while", r"[0-9]{1,9} per (second|minute|hour|day)", "1000 per minute"
        ),
        "if": _IF,
        "key": Condition("one live entry per value of this, such as event.cart.id; the customer if absent"),
        "again": Text("may a customer enter again", r"never|always|after\s.+", "after 7 days", "bad-duration"),
        "max_age": Duration("an older event enters nothing", "1 day"),
    },
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
_BY = ByKind(
    scalar=Choice(("clicked", "opened", "goal"), "of the way's own messages, or of the journey"),
    mapping=EXIT,
    wanted="a word, or a mapping",
    like="clicked",
    about="what counts as a success: clicked, opened, goal, or {on, if}",
)
TRIED = Text("the part of the customers that it is tried on; the rest waits", r"\d{1,2}(\.\d+)?%", "20%")
WINNER = Table(
    {"by": _BY, "after": Text("4 hours after the first customer, or after so many: 1000 customers", like="4 hours")},
    required=("by", "after"),
    about="which way is everybody's once it is decided",
    like="{by: clicked, after: 4 hours}",
)
_SUBJECTS = ListOf(Text("a subject", like="A letter for you"), "subjects that are tried out", at_least=2)
SUBJECTS = ByKind(
    items=_SUBJECTS,
    mapping=Names(_SUBJECTS, "subjects by language", r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*", "en"),
    wanted="a list",
    like='["Spring is here", "New for spring"]',
    about="with `try` and `winner`: which subject does better; by language where the template has several",
)
SEND = Table(
    {
        "send": Text("a folder in templates/", like="thanks"),
        "via": VIA,
        "otherwise": Choice(("skip", "exit", "onsite"), "when no channel is allowed"),
        "class": CLASS,
        "on_unknown": Choice(("settle", "retry"), "retry may send twice"),
        "subjects": SUBJECTS,
        "try": TRIED,
        "winner": WINNER,
        **EVERY_STEP,
    },
    required=("send", "via"),
    like="{send: thanks, via: email}",
)
WAIT = Table(
    {
        "wait": Text("1 day, 24 hours, until 10:00, until tuesday 18:00, until event.sale.starts_at", like="1 day"),
        **EVERY_STEP,
    }
)
_RULES = ListOf(EXIT, "event types and conditions", at_least=1)
WAIT_FOR = Table(
    {
        "wait_for": Table(
            {
                "on": EVENT,
                "if": _IF,
                "any": _RULES,
                "all": _RULES,
                "within": Duration("after that the else is gone", "2 days"),
            },
            required=("within",),
            like="{on: message.clicked, within: 2 days}",
        ),
        "then": STEPS,
        "else": STEPS,
        **EVERY_STEP,
    }
)
SHARE = Table(
    {"share": Number("percent; not with `try`", least=0), "do": STEPS}, required=("do",), like="{share: 50, do: []}"
)
SPLIT = Table(
    {
        "split": Names(SHARE, "ways by lot; each customer always goes the same", like="a"),
        "try": TRIED,
        "winner": WINNER,
        **EVERY_STEP,
    }
)
_TAG = Text("a word", like="hot-cart")
FIELD_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"
FACT_PATTERN = r"[a-z][a-z0-9_]{0,62}"
SET = Table(
    {
        "set": Names(Condition("what the fact becomes, such as event.shop"), "facts", FACT_PATTERN, "favourite_shop"),
        **EVERY_STEP,
    }
)
START = Table({"start": Text("another journey", NAME_PATTERN, "win-back", "bad-name"), **EVERY_STEP})
WEBHOOK = Table(
    {
        "webhook": Table(
            {
                "url": Text("$NAME, or https", HOOK_PATTERN, "$CRM_URL"),
                "body": Names(
                    Condition("a value, such as event.order.total"), "what it is told", FIELD_PATTERN, "order"
                ),
            },
            required=("url",),
            like="{url: $CRM_URL, body: {order: event.order.id}}",
        ),
        **EVERY_STEP,
    }
)
ALERT = Table(
    {
        "alert": Table(
            {
                "team": Text("one of teams: in wici.yaml", like="support"),
                "template": Text("a folder in templates/: what the team reads", like="detractor"),
                "answer_within": Duration("by when somebody should have answered", "4 hours"),
            },
            required=("team", "template"),
            like="{team: support, template: detractor, answer_within: 4 hours}",
        ),
        **EVERY_STEP,
    }
)
ARM = ByWord(
    {
        "if": Table({"if": _IF, "do": STEPS}, required=("if", "do"), like="{if: event.order.total >= 100, do: […]}"),
        "else": Table({"else": STEPS}),
    }
)
BRANCH = Table({"branch": ListOf(ARM, "the first whose condition holds", at_least=1), **EVERY_STEP})
STEP = ByWord(
    {
        "send": SEND,
        "wait": WAIT,
        "wait_for": WAIT_FOR,
        "branch": BRANCH,
        "split": SPLIT,
        "tag": Table({"tag": _TAG, **EVERY_STEP}),
        "untag": Table({"untag": _TAG, **EVERY_STEP}),
        "set": SET,
        "start": START,
        "webhook": WEBHOOK,
        "alert": ALERT,
        "survey": Table(
            {
                "survey": Text("a survey of surveys.yaml", NAME_PATTERN, "why-left", "bad-name"),
                "via": VIA,
                **EVERY_STEP,
            },
            required=("survey", "via"),
            like="{survey: why-left, via: email}",
        ),
        "coupon": Table(
            {
                "coupon": Table(
                    {
                        "pool": Text("a pool of coupons.yaml", NAME_PATTERN, "cart-10", "bad-name"),
                        "valid": Duration("for so long the code is good", "48 hours"),
                    },
                    required=("pool",),
                    like="{pool: cart-10, valid: 48 hours}",
                ),
                **EVERY_STEP,
            }
        ),
        "points": Table(
            {
                "points": Table(
                    {"give": Number("points", least=1, whole=True), "for": Text("what for", like="survey")},
                    required=("give",),
                    like="{give: 50, for: survey}",
                ),
                **EVERY_STEP,
            }
        ),
        "onsite": Table({"onsite": Text("a template that the page shows", NAME_PATTERN, "exit-offer"), **EVERY_STEP}),
        "use": Table(
            {
                "use": Text("a group of groups/", NAME_PATTERN, "reminder-pair", "bad-name"),
                "with": Names(Anything(), "what the group's parameters are here", like="pause"),
                **EVERY_STEP,
            }
        ),
        "stop": Table({"stop": Flag("true: the journey ends here"), **EVERY_STEP}, like="{stop: true, if: …}"),
    },
    alone=("stop",),
)

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
                "priority": Number("of several journeys, the higher first", least=0, whole=True),
                "quiet_hours": Choice(("inherit", "ignore"), "those of wici.yaml"),
            },
        ),
        "holdout": HOLDOUT,
        "live": Table(
            {"from": _WHEN, "until": _WHEN},
            about="when it may be entered",
            like="{from: 2026-11-20, until: 2026-12-01}",
        ),
        "in_flight": ByKind(
            scalar=Choice(("pin", "drain", "cancel", "migrate"), "what a change does to those inside"),
            mapping=Table(
                {
                    "migrate": Names(
                        Text("a step of this version", NAME_PATTERN, "second-reminder"),
                        "steps of earlier versions",
                        NAME_PATTERN,
                        "first-reminder",
                    )
                },
                required=("migrate",),
                like="{migrate: {old-step: new-step}}",
            ),
            wanted="a word, or migrate with a mapping",
            like="pin",
            about="what a change does to those inside: pin, drain, cancel, migrate or {migrate: {old-step: new-step}}",
        ),
        "steps": ListOf(Named("step", _step), "one after the other", at_least=1),
    },
    required=("journey", "enter", "steps"),
    about="one journey",
    like="begin it with 'journey: its-name'",
)
