"""Codes that journeys give, against the time that they are good for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.cli.workspace.rules.law import offers
from services.cli.workspace.rules.prose import in_prose
from services.cli.workspace.rules.ways import shown, timeline
from services.cli.workspace.rules.whole import Told, Whole
from services.contracts.journey import Coupon, Send, Step, every_step, ways

_CODE = re.compile(r"(?<!\w)(?:codes?|kod(?:u|em|zie)?)(?!\w)", re.IGNORECASE)


def code_expires(whole: Whole) -> None:
    """A message about a code that comes when the code is no longer good."""
    for told in whole.journeys:
        times = {step.id: span.least for step, span in timeline(told.journey.steps)}
        for coupon, after in _given(told.journey.steps, ()):
            for send in _reminders(whole, after):
                waited = times.get(send.id, 0.0) - times.get(coupon.id, 0.0)
                if coupon.valid is not None and waited >= coupon.valid:
                    _warn(told, send, coupon, waited)


def _warn(told: Told, send: Send, coupon: Coupon, waited: float) -> None:
    good = shown(coupon.valid or 0.0)
    message = f"the code was good for {good}, and this comes {shown(waited)} after it at the earliest"
    hint = f"remind sooner, or write valid: with more than {shown(waited)} where the code is given"
    told.sheet.warning(told.step_at(send, "send"), "code-expires", message, hint)


def _given(steps: tuple[Step, ...], rest: tuple[Step, ...]) -> Iterator[tuple[Coupon, tuple[Step, ...]]]:
    """Every code that is given, with the steps that follow, until another one is."""
    for number, step in enumerate(steps):
        after = (*steps[number + 1 :], *rest)
        if isinstance(step, Coupon):
            ends = next((n for n, one in enumerate(after) if isinstance(one, Coupon)), len(after))
            yield step, after[:ends]
        for _, inside in ways(step):
            yield from _given(inside, after)


def _reminders(whole: Whole, steps: tuple[Step, ...]) -> Iterator[Send]:
    """The sends whose template speaks of a code or an offer."""
    for step in every_step(steps):
        folder = whole.templates.get(step.template) if isinstance(step, Send) else None
        if isinstance(step, Send) and folder is not None:
            files = [files for _, _, files in whole.editions(folder)]
            if any(offers(each) or any(in_prose(each, _CODE)) for each in files):
                yield step


RULES = (code_expires,)
