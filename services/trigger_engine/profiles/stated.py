"""What a customer stated on a page that a message led to: confirming a signup, or choosing in the preference centre.

It is explicit: it lifts an earlier withdrawal. Whoever has another address by now has not spoken for it, so a consent
by way of the old one is void; a withdrawal counts from wherever it comes (GDPR art. 7(3)). What bounced or complained
is the notifier's to refuse, and stays refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.message import Channel
from services.contracts.receipt import State, Statement
from services.trigger_engine.profiles import consent
from services.trigger_engine.profiles.facts import ADDRESS
from services.trigger_engine.profiles.state import Profile

TYPE = "consent.changed"
AFTER = timedelta(microseconds=1)
"""Who withdraws a channel but keeps a topic of it says both at once: the topic must be the later word."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """A statement, when it was made (real time), and the message that led to its page: the signup that it answers."""

    statement: Statement
    at: datetime
    send_key: bytes
    channel: Channel
    journey: str
    step: str
    entry_id: bytes


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What a statement did: the lines that it changed, those whose unsent messages go, and whether part was void."""

    changed: dict[str, State]
    withdrawn: list[str]
    void: bool


def take(profile: Profile, said: Said) -> Taken:
    """Take a statement into the profile's consents."""
    statement = said.statement
    current = statement.recipient == profile.fact(ADDRESS[said.channel])
    lines = {name: state for name, state in statement.lines.items() if current or state == "unsubscribed"}
    before = {name: _stands(profile, name) for name in lines}
    withdrawn = []
    for name, state in lines.items():
        at = said.at + AFTER if state == "subscribed" else said.at
        new = consent.decide(profile.consents.get(name), state, at, explicit=True)
        if new is not None:
            profile.consents[name] = new
            if new.state == "unsubscribed":
                withdrawn.append(name)
    always = statement.by == "confirmation"  # somebody waits for it, even if a flag had said so before
    now = {name: _stands(profile, name) for name in lines}
    changed = {name: s for name, s in lines.items() if now[name] == s and (always or before[name] != s)}
    return Taken(changed, withdrawn, void=len(lines) < len(statement.lines))


def _stands(profile: Profile, name: str) -> str:
    channel, _, topic = name.partition(":")
    governing = consent.governing(profile.consents, channel, topic or None)
    return "unknown" if governing is None else governing.state


def told(profile: Profile, said: Said, changed: dict[str, State]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Id and data of a `consent.changed` for each state of a channel, or of topics of it, that has changed."""
    groups: dict[tuple[str, State, bool], list[str]] = {}
    for name, state in changed.items():
        channel, _, topic = name.partition(":")
        groups.setdefault((channel, state, bool(topic)), []).append(topic)
    once = said.statement.by if said.statement.by == "confirmation" else said.at.isoformat()
    for (channel, now, narrow), topics in groups.items():
        stated: dict[str, Any] = {
            "state": now,
            "at": msgspec.to_builtins(said.at),
            "source": said.statement.by,
            "text_id": said.statement.text_id,
        }
        if narrow:
            stated["topics"] = topics
        data = {"customer": {**_who(profile, said.channel), "consents": {channel: stated}}}
        yield ids.stated(said.send_key, once, f"{channel}:{now}{':topics' if narrow else ''}"), data


def _who(profile: Profile, channel: Channel) -> dict[str, str]:
    """Whom it is about, in words that the shop knows: its own id, and the address that spoke."""
    known = {since: name.value for name, since in profile.identifiers.items() if name.kind == "customer"}
    address = profile.fact(ADDRESS[channel])
    who = {"id": known[max(known)]} if known else {}
    return {**who, ADDRESS[channel]: address} if address else who


def evidence(said: Said) -> bytes:
    """The record that the consent was given (GDPR art. 7(1)), as JSON; the address only as its HMAC."""
    given = msgspec.to_builtins(said.statement)
    del given["recipient"]
    message = {"key": said.send_key.hex(), "journey": said.journey, "step": said.step, "entry": said.entry_id.hex()}
    return msgspec.json.encode({**given, "at": said.at, "channel": said.channel, "message": message})
