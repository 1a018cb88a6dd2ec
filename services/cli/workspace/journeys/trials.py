"""Splits that find their winner, and the short form that tries out the subjects of a mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

import msgspec

from services.cli.workspace.findings import short
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.settings.policies import percent
from services.cli.workspace.surroundings import Surroundings
from services.contracts.journey import Rule, Send, Share, Split, Trial
from services.contracts.workspace import Template
from services.notifier.compose.errors import TemplateError
from services.notifier.compose.publish import with_subject
from services.trigger_engine.journeys.conditions import DurationError, parse_duration

CUSTOMERS = " customers"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def shares_of(row: Row, sheet: Sheet, trial: Trial | None) -> dict[str, float]:
    """The percent of each way: as written and 100 together, or equal where the split is on trial."""
    arms = {name: arm for name, arm in row.named("split").items() if isinstance(arm, Row)}
    if trial is not None:
        for arm in arms.values():
            if "share" in arm:
                hint = "remove it, or leave 'try' and 'winner' out"
                sheet.error(arm.at("share"), "bad-value", "ways that are tried have equal shares", hint)
        if len(arms) < 2:
            sheet.error(row.at("split"), "bad-value", "a winner wins against others", "write two ways or more")
    if any(row.node_of(key) is not None for key in ("try", "winner")):
        return dict.fromkeys(arms, 100 / max(1, len(arms)))
    for arm in arms.values():
        if "share" not in arm and not _is_wrong(arm, "share"):
            sheet.error(arm.node.place, "missing-key", "a way needs 'share'", "write instead: {share: 50, do: []}")
    shares = {name: arm.number("share") or 0.0 for name, arm in arms.items()}
    if abs(sum(shares.values()) - 100) > 1e-9 and all("share" in arm for arm in arms.values()):
        message = f"the shares make {sum(shares.values()):g}"
        sheet.error(row.at("split"), "bad-value", message, "let them make 100 together")
    return shares


def _is_wrong(row: Row, key: str) -> bool:
    return row.node_of(key) is not None and key not in row


def trial_of(row: Row, sheet: Sheet, rule: Callable[[Row], Rule], *, goal: bool) -> Trial | None:
    """`try` and `winner` of a step; None where there are none. `goal` tells whether the journey has one."""
    winner, part = row.row("winner"), row.maybe("try")
    if winner is None or part is None:
        for key, other in (("winner", "try"), ("try", "winner")):
            if key in row and not _is_wrong(row, other):
                sheet.error(row.key_at(key), "missing-key", f"'{key}' needs '{other}'", _LIKE)
        return None
    if not percent(part):
        sheet.error(row.at("try"), "bad-value", "nobody is tried", "write the part that is: 20%")
    said = winner.row("by")
    word = winner.text("by", "clicked")
    if word == "goal" and not goal:
        sheet.error(winner.at("by"), "bad-value", "the journey has no goal to win by", "write a goal: …, or clicked")
    by = rule(said) if said is not None else cast("Literal['clicked', 'opened', 'goal']", word)
    after, customers = _after(winner, sheet)
    return Trial(percent(part), by, after, customers)


_VARIANT = "@"  # between a template's name and the send that has a subject of its own for it
_LIKE = "write them together: try: 20%, winner: {by: clicked, after: 4 hours}"


def as_written(template: str) -> str:
    """The name that the journey gives to a template; each subject on trial makes one of its own."""
    return template.partition(_VARIANT)[0]


def _after(winner: Row, sheet: Sheet) -> tuple[float | None, int | None]:
    written = winner.text("after", "4 hours")
    number = written.removesuffix(CUSTOMERS)
    if number != written and number.isascii() and number.isdigit() and int(number) > 0:
        return None, int(number)
    try:
        return parse_duration(written).total_seconds(), None
    except DurationError as error:
        hint = "write it like: 4 hours, or 1000 customers"
        sheet.error(winner.at("after"), "bad-duration", error.message, hint)
        return None, None


class Subjects:
    """The subjects that sends of a journey try out. `around.variants` gets a template for each."""

    def __init__(self, sheet: Sheet, around: Surroundings, journey: str) -> None:
        self._sheet = sheet
        self._around = around
        self._journey = journey

    def split(self, row: Row, send: Send, trial: Trial | None) -> Split | Send:
        """The send as a split on trial with a way for each subject; as it is where it has none."""
        subjects = self._subjects(row, send)
        if not subjects:
            if trial is not None and "subjects" not in row and not _is_wrong(row, "subjects"):
                hint = "write subjects: […], or a split with the ways that are tried"
                self._sheet.error(row.key_at("try"), "missing-key", "'try' needs 'subjects'", hint)
            return send
        if trial is None:
            if not (_is_wrong(row, "try") or _is_wrong(row, "winner") or "try" in row or "winner" in row):
                self._sheet.error(row.key_at("subjects"), "missing-key", "'subjects' needs 'try' and 'winner'", _LIKE)
            return send
        shares = []
        for letter, said in zip(LETTERS, zip(*subjects.values(), strict=False), strict=False):
            own = f"{send.id}.{letter}"
            variant = f"{send.template}{_VARIANT}{self._journey}/{own}"
            self._make(row, send, variant, dict(zip(subjects, said, strict=True)))
            way = msgspec.structs.replace(send, id=own, variant=variant)
            shares.append(Share(letter, 100.0, (way,)))
        even = 100 / len(shares)
        ways = tuple(msgspec.structs.replace(share, share=even) for share in shares)
        return Split(send.id, ways, trial)

    def _subjects(self, row: Row, send: Send) -> dict[str, tuple[str, ...]]:
        """The subjects by language, as many in each."""
        named = row.named("subjects")
        found = {locale: tuple(one for one in said if one) for locale, said in named.items() if isinstance(said, list)}
        if not found:
            found = {self._around.locale: row.texts("subjects")} if "subjects" in row else {}
        if "email" not in send.via and found:
            self._sheet.error(row.key_at("subjects"), "bad-value", "only an e-mail has a subject", "write via: email")
        if len({len(said) for said in found.values()}) > 1:
            hint = "write as many in each language"
            self._sheet.error(row.at("subjects"), "bad-value", "a subject has no translation", hint)
        folder = self._around.templates.get(send.template)
        for locale in sorted(set(folder.compiled if folder else ()) - found.keys()) if found else ():
            message = f"the template {short(send.template)} is written in {locale} too, and the subjects are not"
            hint = f"write subjects: {{{locale}: […], …}}"
            self._sheet.error(row.at("subjects"), "missing-locale", message, hint)
        return found

    def _make(self, row: Row, send: Send, variant: str, subjects: Mapping[str, str]) -> None:
        folder = self._around.templates.get(send.template)
        made: dict[str, Template] = {}
        for locale, template in folder.compiled.items() if folder else ():
            if template.email is None or locale not in subjects:
                made[locale] = msgspec.structs.replace(template, name=variant)
                continue
            try:
                made[locale] = with_subject(template, variant, subjects[locale])
            except TemplateError as error:
                hint = error.hint or "write it as the subject of a template is written"
                self._sheet.error(row.at("subjects"), "template", error.message, hint)
        self._around.variants[variant] = made
