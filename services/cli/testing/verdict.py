"""What a test expected against what came of it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.cli.testing.stage import Came, Played
from services.cli.workspace.journeys.cases import Case, Expected
from services.contracts.message import ALERTS

_SENDS = ("send", "alert", "webhook")


@dataclass(frozen=True, slots=True)
class Failure:
    """One line of `then` that does not hold, or a message that none names: what was expected, and what came."""

    where: str
    expected: str
    came: str


def judge(case: Case, played: Played) -> list[Failure]:
    """Everything that is not as the test says."""
    return [*(Failure(case.where, "a test that can be played", one) for one in played.problems),
            *_Judge(case, played).failures()]  # fmt: skip


class _Judge:
    def __init__(self, case: Case, played: Played) -> None:
        self._case, self._played = case, played
        self._zone = ZoneInfo(case.zone)
        self._left = list(played.sends)

    def failures(self) -> Iterator[Failure]:
        missing = [one for one in self._case.then if one.kind in _SENDS and not self._take(one)]
        for one in missing:
            near = self._nearest(one)
            if near is not None:
                self._left.remove(near)
            yield Failure(one.where, self._wanted(one), "nothing of it" if near is None else self._shown(near, one))
        for came in self._left:
            yield Failure(self._case.where, "no other message", self._shown(came))
        for one in self._case.then:
            if one.kind not in _SENDS:
                yield from self._other(one)

    def _take(self, one: Expected) -> bool:
        """Whether it came. A message answers one expectation."""
        found = next((came for came in self._left if self._is(came, one)), None)
        if found is not None:
            self._left.remove(found)
        return found is not None

    def _is(self, came: Came, one: Expected) -> bool:
        return (
            self._names(came, one)
            and (one.via is None or came.channel == one.via)
            and (one.at is None or self._same(came.at, one.at))
            and not self._lacks(came, one)
        )

    @staticmethod
    def _names(came: Came, one: Expected) -> bool:
        kind = "webhook" if came.channel == "webhook" else "alert" if came.channel in ALERTS else "send"
        return (kind, came.name) == (one.kind, one.what)

    @staticmethod
    def _same(came: datetime, at: datetime) -> bool:
        """To the second where seconds are named, else to the minute."""
        return came.replace(microsecond=0) == at if at.second else came.replace(second=0, microsecond=0) == at

    @staticmethod
    def _lacks(came: Came, one: Expected) -> list[str]:
        words, subject = " ".join(came.text.split()), " ".join(came.subject.split())
        return [part for part in one.text if " ".join(part.split()) not in words] + [
            part for part in one.subject if " ".join(part.split()) not in subject
        ]

    def _nearest(self, one: Expected) -> Came | None:
        """Of what is left, the message that was probably meant."""
        same = [came for came in self._left if self._names(came, one)]
        if not same:
            return None
        return min(same, key=lambda came: (came.channel != (one.via or came.channel), bool(self._lacks(came, one)),
                                           abs(came.at - (one.at or came.at))))  # fmt: skip

    def _other(self, one: Expected) -> Iterator[Failure]:
        if one.kind == "nothing":
            if self._played.sends:
                came = "; ".join(self._shown(each) for each in self._played.sends)
                yield Failure(one.where, "no message at all", came)
        elif one.kind == "profile":
            yield from self._profile(one)
        else:
            yield from self._happened(one)

    def _happened(self, one: Expected) -> Iterator[Failure]:
        """Something that came to pass: entered, ended, skipped."""
        played, journey = self._played, one.journey or self._case.journey
        found: list[tuple[str, str, datetime]] = played.skipped if one.kind == "skipped" else played.ended
        wanted = one.what
        if one.kind == "enrolled":
            found, journey, wanted = [(name, "", at) for name, at in played.entered], one.what, ""
        mine = [(why, at) for name, why, at in found if name == journey]
        if any(why == wanted and (one.at is None or self._same(at, one.at)) for why, at in mine):
            return
        came = ", ".join(f"{why or 'entered'} at {self._clock(at)}" for why, at in mine) or "nothing of the kind"
        yield Failure(one.where, f"{journey} {one.kind} {wanted}".strip() + self._when(one), came)

    def _profile(self, one: Expected) -> Iterator[Failure]:
        facts = msgspec.json.decode(msgspec.json.encode(self._played.facts, enc_hook=str))
        for name, value in (one.what if isinstance(one.what, dict) else {}).items():
            if not _holds(facts.get(name), value):
                yield Failure(one.where, f"profile.{name}: {_json(value)}", f"profile.{name}: {_json(facts.get(name))}")

    def _wanted(self, one: Expected) -> str:
        parts = [f"{one.kind} {one.what}{self._when(one)}", f"via {one.via}" if one.via else ""]
        parts += [f"text has {part!r}" for part in one.text] + [f"subject has {part!r}" for part in one.subject]
        return ", ".join(part for part in parts if part)

    def _when(self, one: Expected) -> str:
        return f" at {self._clock(one.at)}" if one.at else ""

    def _shown(self, came: Came, one: Expected | None = None) -> str:
        text = f"{came.channel} {came.name} at {self._clock(came.at)}"
        if one is not None and (lacking := self._lacks(came, one)):
            said = f"{came.subject}\n{came.text}" if came.subject else came.text
            text += f", without {', '.join(map(repr, lacking))}; it says:\n" + "\n".join(
                f"    {line}" for line in said.strip().splitlines()
            )
        return text

    def _clock(self, at: datetime) -> str:
        """What the clock shows, with its offset where it shows it twice."""
        local = at.astimezone(self._zone)
        said = f"{local:%Y-%m-%d %H:%M}" + (f":{local:%S}" if local.second else "")
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{said} {local.isoformat()[-6:]}" if twice else said


def _holds(came: Any, wanted: Any) -> bool:
    """Whether a fact is as wanted: of a mapping the keys that are named, of a number its value, of text its words."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return all(_holds(came.get(key), value) for key, value in wanted.items())
    return bool(came == wanted)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
