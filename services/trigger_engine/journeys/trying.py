"""What is known of a trial, what a step does to it, and what a batch adds to it: values that change hands."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Standing(msgspec.Struct):
    """What is known of a trial: since when, on how many each way was `tried`, how many `won`; the `winner` and why."""

    begun_at: datetime
    tried: dict[str, int] = {}
    won: dict[str, int] = {}
    winner: str | None = None
    why: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The winner, and by what."""

    winner: str
    why: str


class Trying(msgspec.Struct, frozen=True):
    """What a step does to a trial: the way that it tries (None: it holds the customer back), or the verdict."""

    trial: bytes
    arm: str | None = None
    verdict: Verdict | None = None


class TrialChange(msgspec.Struct, gc=False):
    """What is added to a trial: customers by way whom it was `tried` on, those who `won`, and the verdict."""

    journey: str
    revision: int
    step: str
    occurrence: str
    begun_at: datetime
    tried: dict[str, int] = {}
    won: dict[str, int] = {}
    winner: str | None = None
    why: str = ""
    decided_at: datetime | None = None
