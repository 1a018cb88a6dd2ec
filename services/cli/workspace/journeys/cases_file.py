"""`journeys/<name>.test.yaml` → the tests of a journey: times, names and data checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.journeys.cases import Act, Case, Event, Expected, Reply, Statement
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.reading.positions import Node
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.cases import CASES
from services.cli.workspace.surroundings import Surroundings
from services.contracts.data import DATA_TYPES, Customer, Data
from services.contracts.journey import Journey, Split, Start, every_step
from services.contracts.reasons import Reason
from services.trigger_engine.products.known import TOLD_OF

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?: ?(Z|[+-]\d\d:\d\d))?", re.ASCII)
_LIKE = "write it like 2026-03-28 21:00"
NAMES = frozenset({"id", "email", "phone", "anonymous_id"})
SOMEBODY = "customer-1"  # whose profile has no name
BEFORE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Shop:
    """What tests may name: the journeys by name, the rest of the workspace, and journeys that cannot be read."""

    journeys: Mapping[str, Journey]
    around: Surroundings
    unread: frozenset[str]


def read_cases(node: Node, sheet: Sheet, name: str, shop: Shop) -> tuple[Case, ...]:
    """The tests of journey `name`. Where the sheet then has errors, the result has gaps and must not be used."""
    journey = shop.journeys.get(name)
    if journey is None:
        if name in shop.unread:
            return ()
        hint = write_instead(name, shop.journeys, "journeys are") or "name the file like its journey"
        sheet.error(Place(1, 1), "unknown-journey", f"there is no journey {short(name)}", hint)
        return ()
    rows = read(CASES, node, sheet, "a journey's tests") or []
    return tuple(_Reader(row, sheet, journey, shop).case() for row in rows if isinstance(row, Row))


class _Reader:
    """Reads one test."""

    def __init__(self, row: Row, sheet: Sheet, journey: Journey, shop: Shop) -> None:
        self._row, self._sheet, self._journey, self._shop = row, sheet, journey, shop
        self._given = row.row("given") or Row(row.node, {})
        told = self._given.values.get("profile")
        self._profile: dict[str, Any] = told if isinstance(told, dict) else {}
        self._zone = self._time_zone()

    def case(self) -> Case:
        """The test."""
        row = self._row
        when = tuple(self._act(each) for each in row.rows("when"))
        self._check_order(row.rows("when"), when)
        happened = tuple(self._event(each) for each in self._given.rows("happened"))
        start = self._at(self._given, "at") or (when[0].at if when else datetime(2026, 1, 1, tzinfo=UTC))
        customer, facts = self._customer(min([start, *(one.at for one in happened)]) - BEFORE)
        return Case(
            journey=self._journey.name,
            title=row.text("test"),
            where=self._where(row.node.place),
            zone=self._zone,
            journeys=self._taking_part(),
            start=min([start, *(one.at for one in when)]),
            customer=customer,
            facts=facts,
            happened=tuple(sorted(happened, key=lambda one: one.at)),
            when=when,
            then=tuple(self._expected(each) for each in row.rows("then")),
            arms=self._arms(),
            held_out=self._given.flag("held_out"),
            until=self._at(row, "until"),
        )

    def _where(self, place: Place) -> str:
        return f"{self._sheet.file}:{place.line}"

    def _time_zone(self) -> str:
        zone = str(self._profile.get("time_zone") or self._shop.around.time_zone)
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            place = self._given.at("profile")
            self._sheet.error(place, "bad-value", f"there is no time zone {short(zone)}", "write it like Europe/Warsaw")
            return "UTC"
        return zone

    def _taking_part(self) -> frozenset[str]:
        """The tested journey, those that the test adds, and those that any of them starts."""
        row, journeys = self._row, self._shop.journeys
        wanted = {self._journey.name}
        if row.text("with") == "all":
            return frozenset(journeys)
        names = row.texts("with") or ((row.text("with"),) if row.text("with") else ())
        for name, place in zip(names, row.items_at("with"), strict=False):
            if self._known_journey(name, place):
                wanted.add(name)
        todo = list(wanted)
        while todo:
            steps = every_step(journeys[todo.pop()].steps)
            new = {step.journey for step in steps if isinstance(step, Start) and step.journey in journeys} - wanted
            wanted |= new
            todo += new
        return frozenset(wanted)

    def _known_journey(self, name: str, place: Place) -> bool:
        if name in self._shop.journeys:
            return True
        if name in self._shop.unread:
            return False
        hint = write_instead(name, self._shop.journeys, "journeys are")
        self._sheet.error(place, "unknown-journey", f"there is no journey {short(name)}", hint)
        return False

    def _at(self, row: Row, key: str) -> datetime | None:
        written = row.maybe(key)
        if written is None:
            return None
        found = _MOMENT.fullmatch(written)
        try:
            if found is not None:
                return self._moment(found, row.at(key))
        except ValueError:  # 2026-02-30
            pass
        self._sheet.error(row.at(key), "bad-cron-or-time", f"{short(written)} is no day and time", _LIKE)
        return None

    def _moment(self, found: re.Match[str], place: Place) -> datetime:
        local = datetime.fromisoformat(f"{found[1]} {found[2]}")
        if found[3]:
            return datetime.fromisoformat(f"{found[1]} {found[2]}{found[3].replace('Z', '+00:00')}").astimezone(UTC)
        zone = ZoneInfo(self._zone)
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != local:
            hint = "summer time skips it: write an hour later, or an offset, such as 02:30 +01:00"
            self._sheet.error(place, "bad-cron-or-time", f"no clock in {self._zone} shows this time", hint)
        return moment

    def _check_order(self, rows: Iterable[Row], acts: Iterable[Act]) -> None:
        last: datetime | None = None
        for row, act in zip(rows, acts, strict=True):
            if last is not None and act.at < last:
                message = "this happened before what stands above it"
                hint = "write what happens in the order of time; what comes late is told by data of its own"
                self._sheet.error(row.at("at"), "bad-value", message, hint)
            last = act.at

    def _act(self, row: Row) -> Act:
        if row.word == "receipt":
            data = self._mapping(row, "data")
            return Reply(self._at(row, "at") or _NEVER, row.text("receipt"), row.text("of"), data)
        if row.word == "confirm":
            return Statement(self._at(row, "at") or _NEVER, row.text("confirm"))
        if row.word == "preferences":
            self._check_lines(row)
            return Statement(self._at(row, "at") or _NEVER, row.text("of"), row.named("preferences"))
        return self._event(row)

    def _check_lines(self, row: Row) -> None:
        """The preference centre shows topics that journeys have."""
        topics = {one.topic for one in self._shop.journeys.values() if one.topic}
        node, lines = row.node_of("preferences"), row.named("preferences")
        if not lines:
            self._sheet.error(row.at("preferences"), "bad-value", "nothing is chosen",
                              "write it like: {email: unsubscribed}")  # fmt: skip
        for name in lines:
            topic = name.partition(":")[2]
            if topic and topic not in topics:
                place = node.keys[name] if isinstance(node, Tree) else row.at("preferences")
                hint = write_instead(topic, topics, "topics are") or "give a journey this topic"
                self._sheet.error(place, "bad-value", f"no journey has the topic {short(topic)}", hint)

    def _event(self, row: Row) -> Event:
        kind = row.text("event")
        data = self._about(kind, self._mapping(row, "data"))
        events = self._shop.around.events
        if kind and kind not in events:
            hint = write_instead(kind, events, "types are")
            self._sheet.error(row.at("event"), "unknown-event", f"there is no event type {short(kind)}", hint)
        try:
            msgspec.json.decode(msgspec.json.encode(data), type=DATA_TYPES.get(kind, Data))
        except msgspec.ValidationError as error:
            place = row.at("data") if "data" in row else row.node.place
            self._sheet.error(place, "bad-value", f"this is no data of {kind}: {error}", "docs/api.md has examples")
        return Event(self._at(row, "at") or _NEVER, kind, data)

    def _about(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """An event's data with the given customer's names, unless it names one itself or is about a product."""
        named = data.get("customer") or {}
        if kind in TOLD_OF or not isinstance(named, dict) or NAMES & named.keys():
            return data
        who = {name: self._profile[name] for name in sorted(NAMES) if name in self._profile} or {"id": SOMEBODY}
        return {**data, "customer": {**who, **named}}

    def _mapping(self, row: Row, key: str) -> dict[str, Any]:
        found = row.values.get(key)
        if found is None or isinstance(found, dict):
            return found or {}
        self._sheet.error(row.at(key), "wrong-kind", f"'{key}' must be a mapping", "write it like: {url: …}")
        return {}

    def _customer(self, since: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """The profile as an event's customer, and the shop's own facts; `consents: {email: subscribed}` is enough."""
        node = self._given.node_of("profile")
        if node is not None and not isinstance(node, Tree):
            like = "write it like: {email: anna@example.com}"
            self._sheet.error(node.place, "wrong-kind", "'profile' must be a mapping", like)
        customer, facts = {}, {}
        known = {*_FIELDS, *self._shop.around.facts}
        for key, value in self._profile.items():
            if key in _FIELDS:
                customer[key] = value
            elif key in self._shop.around.facts:
                facts[key] = value
            else:
                place = node.keys[key] if isinstance(node, Tree) else self._given.at("profile")
                hint = write_instead(key, known, "keys are")
                self._sheet.error(place, "unknown-key", f"a profile is not given {short(key)}", hint)
        if isinstance(customer.get("consents"), dict):
            customer["consents"] = {
                channel: {"state": said, "at": since.isoformat()} if isinstance(said, str) else said
                for channel, said in customer["consents"].items()
            }
        if not NAMES & customer.keys():
            customer["id"] = SOMEBODY
        try:
            msgspec.json.decode(msgspec.json.encode(customer), type=Customer)
        except msgspec.ValidationError as error:
            self._sheet.error(self._given.at("profile"), "bad-value", f"this is no profile: {error}",
                              "write it like: {email: anna@example.com, consents: {email: subscribed}}")  # fmt: skip
        return customer, facts

    def _arms(self) -> dict[str, str]:
        splits = {s.id: s for s in every_step(self._journey.steps) if isinstance(s, Split)}
        arms = {name: arm for name, arm in self._given.named("arms").items() if isinstance(arm, str)}
        row = self._given.node_of("arms")
        for name, arm in arms.items():
            place = row.values[name].place if isinstance(row, Tree) else self._given.at("arms")
            if name not in splits:
                hint = write_instead(name, splits, "splits are")
                self._sheet.error(place, "unknown-step", f"the journey has no split {short(name)}", hint)
            elif splits[name].trial is not None:
                hint = "leave it out: which way is gone follows from what the customers did whom it was tried on"
                self._sheet.error(place, "bad-value", f"{short(name)} is on trial, and falls by no lot", hint)
            elif arm not in (ways := [one.name for one in splits[name].shares]):
                hint = write_instead(arm, ways, "arms are")
                self._sheet.error(place, "bad-value", f"the split has no arm {short(arm)}", hint)
        return arms

    def _expected(self, row: Row) -> Expected:
        kind = row.word
        what = row.values.get(kind)
        if kind in ("send", "alert"):
            self._check_template(row, kind)
        elif kind in ("ended", "skipped"):
            self._check_reason(row, kind)
        for key in ("enrolled", "journey"):
            if key in row:
                self._known_journey(row.text(key), row.at(key))
        return Expected(
            kind, what, self._where(row.node.place), self._at(row, "at"), row.maybe("via"), row.texts("text has"),
            row.texts("subject has"), row.maybe("journey"),
        )  # fmt: skip

    def _check_template(self, row: Row, kind: str) -> None:
        known, template = self._shop.around.templates, row.text(kind)
        if template and template not in known:
            hint = write_instead(template, known, "templates are")
            self._sheet.error(row.at(kind), "unknown-template", f"there is no template {short(template)}", hint)

    def _check_reason(self, row: Row, kind: str) -> None:
        reasons = [one.value for one in Reason]
        if (said := row.text(kind)) and said not in reasons:
            hint = write_instead(said, reasons) or "docs/reasons.md has them all"
            self._sheet.error(row.at(kind), "bad-value", f"there is no reason {short(said)}", hint)


_FIELDS = frozenset(Customer.__struct_fields__)
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)
