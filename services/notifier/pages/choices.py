"""What a customer can choose: the channels of the shop and the topics of its journeys, as they stand. Pure.

Whoever saves states every line that the page has shown, as it was ticked: what counts does not depend on what was
known when the page was made. A line that it has not shown is not spoken of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from services.contracts.journey import Send, every_step
from services.contracts.message import CHANNELS, Channel
from services.contracts.receipt import State
from services.contracts.settings import Topic
from services.contracts.workspace import Workspace
from services.notifier.gate import CONSENTED
from services.notifier.pages.words import Language, Words

Consents = Mapping[tuple[str, str], tuple[str, datetime]]
"""State and time by channel and topic; the empty topic is the whole channel."""


class Line(NamedTuple):
    """One thing to tick: `name` is the channel, or `channel:topic`."""

    name: str
    title: str
    about: str
    on: bool


class Choice(NamedTuple):
    """A channel with its lines, the last of which is whatever has no line of its own."""

    channel: Channel
    lines: tuple[Line, ...]


def title_of(topics: Mapping[str, Topic], name: str, language: Language) -> str:
    """How wici.yaml calls a topic; where it does not, the topic's own name made readable."""
    known = topics.get(name)
    if known and known.title:
        return _in(known.title, language)
    return name.replace("-", " ").replace("_", " ").capitalize()


def _in(said: Mapping[str, str], language: Language) -> str:
    """A text of the shop's in this language, in all of them, or in the first that it has."""
    return said.get(language) or said.get("") or next(iter(said.values()), "")


def topics_of(workspace: Workspace) -> dict[Channel, list[str]]:
    """The topics that advertise over each channel: those of wici.yaml in its order, then the others by name."""
    used: dict[Channel, set[str]] = {}
    for journey in workspace.journeys:
        for step in every_step(journey.steps):
            if journey.topic and isinstance(step, Send) and (step.klass or journey.klass) in CONSENTED:
                for channel in step.via:
                    used.setdefault(channel, set()).add(journey.topic)
    order = list(workspace.settings.topics)
    return {
        channel: sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name))
        for channel, found in used.items()
    }


def choices(workspace: Workspace, consents: Consents, own: Channel, words: Words, language: Language) -> list[Choice]:
    """What to show: the channel of the message, and those that the shop has and the customer has spoken of."""
    spoken = {channel for channel, _ in consents} | {own}
    served = {account.channel for account in workspace.settings.accounts} | {own}
    topics, found = topics_of(workspace), []
    for channel in CHANNELS:
        if channel in spoken & served:
            mine = topics.get(channel, [])
            lines = [_line(workspace, consents, channel, topic, language) for topic in mine]
            rest = words.everything_else if mine else words.everything
            lines.append(Line(channel, rest, "", is_on(consents, channel)))
            found.append(Choice(channel, tuple(lines)))
    return found


def _line(workspace: Workspace, consents: Consents, channel: Channel, topic: str, language: Language) -> Line:
    known = workspace.settings.topics
    about = _in(known[topic].about, language) if topic in known else ""
    return Line(f"{channel}:{topic}", title_of(known, topic, language), about, is_on(consents, channel, topic))


def is_on(consents: Consents, channel: str, topic: str = "") -> bool:
    """Whether advertising may be sent: a topic's own word counts, unless the channel was withdrawn later."""
    own, whole = consents.get((channel, topic)), consents.get((channel, ""))
    if own is None or (whole is not None and whole[0] == "unsubscribed" and whole[1] >= own[1]):
        own = whole
    return own is not None and own[0] == "subscribed"


def stated(shown: Collection[Choice], form: Mapping[str, list[str]]) -> dict[str, State] | None:
    """What a posted form states by line; None if it is not this page's. `stop` withdraws whole channels."""
    stop = form.get("stop", [""])[0]
    if stop:
        gone = CHANNELS if stop == "all" else tuple(one for one in CHANNELS if one == stop)
        return dict.fromkeys(gone, "unsubscribed") or None
    offered = {line.name for choice in shown for line in choice.lines}
    ticked = set(form.get("on", ()))
    lines = [name for name in dict.fromkeys(form.get("line", ())) if name in offered]
    return {name: "subscribed" if name in ticked else "unsubscribed" for name in lines} or None


def as_stated(shown: Collection[Choice], lines: Mapping[str, State]) -> list[Choice]:
    """The page's lines once that is said."""
    return [
        choice._replace(lines=tuple(line._replace(on=_now(line, choice.channel, lines)) for line in choice.lines))
        for choice in shown
    ]


def _now(line: Line, channel: str, lines: Mapping[str, State]) -> bool:
    own = lines.get(line.name)
    if own is not None:
        return own == "subscribed"
    return line.on and lines.get(channel) != "unsubscribed"
