"""What a journey may refer to: the event types, templates and channels of its workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.cli.workspace.reading.sheet import Sheet
from services.contracts.event import ENGINE_TYPES, KNOWN_TYPES
from services.contracts.message import Channel, MessageClass
from services.contracts.policies import Cap
from services.contracts.schedule import DUE, Day
from services.contracts.settings import Team
from services.contracts.workspace import Template
from services.trigger_engine.journeys.conditions import Type
from services.trigger_engine.journeys.derived.registry import RULES
from services.trigger_engine.products.known import PRICE_DROPPED

# Of the types that wici alone may state, those that are made for whoever listens.
MADE = frozenset({PRICE_DROPPED, DUE, "segment.entered", "segment.left", *(rule.type for rule in RULES)})


@dataclass(frozen=True, slots=True)
class TemplateFolder:
    """A template as its folder shows it: channels by locale, what compiled of it, and its files by locale and name."""

    name: str
    channels: Mapping[str, frozenset[Channel]]
    compiled: Mapping[str, Template] = field(default_factory=dict)
    sheets: Mapping[str, Mapping[str, Sheet]] = field(default_factory=dict)

    def speaks(self, channel: Channel) -> bool:
        """Whether any locale has a text for the channel."""
        return any(channel in channels for channels in self.channels.values())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rest of the workspace, as far as it could be read.

    `own_events` are JSON Schemas by event type, `channels` those that an account delivers (`webhook` where a secret
    signs it), `classes_with_sender` the message classes for which wici.yaml names an e-mail sender, `facts` what `set`
    steps make, with their types; `teams` those that alerts may name, None where their file could not be read; `days`
    are the shop's named ones, `segments` is None where their file could not be read, `time_zone` and `locale` are the
    shop's. `counts_as` says as which class another one counts, `never` holds the caps that let nothing pass; `topics`
    are those that wici.yaml lists. `pools` and `surveys` are the names in coupons.yaml and surveys.yaml, None where
    these could not be read. `variants` are templates with another subject, which reading the journeys adds.
    """

    templates: Mapping[str, TemplateFolder] = field(default_factory=dict)
    own_events: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    channels: frozenset[str] = frozenset()
    classes_with_sender: frozenset[str] = frozenset()
    facts: Mapping[str, Type] = field(default_factory=dict)
    segments: frozenset[str] | None = None
    teams: Mapping[str, Team] | None = None
    days: Mapping[str, Day] = field(default_factory=dict)
    time_zone: str = "UTC"
    locale: str = ""
    topics: frozenset[str] | None = None
    counts_as: Mapping[MessageClass, MessageClass] = field(default_factory=dict)
    never: tuple[Cap, ...] = ()
    pools: frozenset[str] | None = None
    surveys: frozenset[str] | None = None
    variants: dict[str, dict[str, Template]] = field(default_factory=dict)

    @property
    def events(self) -> frozenset[str]:
        """Every event type that may be named."""
        return KNOWN_TYPES | frozenset(self.own_events)

    def nothing_makes(self, event_type: str) -> bool:
        """Whether the type is one that wici alone may state, and does not derive in this version."""
        return event_type in ENGINE_TYPES - MADE and event_type not in self.own_events
