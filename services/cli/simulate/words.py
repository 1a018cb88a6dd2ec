"""What a step does, in the few words that its box has room for."""

from __future__ import annotations

from services.cli.workspace.journeys.moments import wait_words
from services.contracts.journey import (
    Alert,
    Branch,
    Send,
    Set,
    Split,
    Start,
    Step,
    Tag,
    Wait,
    WaitFor,
    Webhook,
)

_ROOM = 36


def short(text: str, room: int = _ROOM) -> str:
    """At most so many characters."""
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def condition(text: str | None) -> str:
    """The label of a way."""
    return "else" if text is None else short(f"if {' '.join(text.split())}")


def what(step: Step) -> str:  # noqa: C901, PLR0911 -- a line a kind
    """What the step does."""
    match step:
        case Send():
            return short(f"send {step.template} by {(' and ' if step.every else ' or ').join(step.via)}")
        case Wait():
            return short(f"wait {wait_words(step)}")
        case WaitFor():
            return short(f"wait for {(' and ' if step.every else ' or ').join(rule.on for rule in step.rules)}")
        case Branch():
            return "branch"
        case Split():
            return "split on trial" if step.trial else "split"
        case Tag():
            return short(f"{'untag' if step.away else 'tag'} {step.tag}")
        case Set():
            return short(f"set {', '.join(step.facts)}")
        case Start():
            return short(f"start {step.journey}")
        case Webhook():
            return short(f"call {step.url}")
        case Alert():
            return short(f"alert {step.team}")
        case _:
            return type(step).__name__.lower()
