"""Some days in a virtual world: what happens in the shop, and what becomes of the messages that are said. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from services.cli.simulate import catalogue
from services.cli.simulate.catalogue import Happening
from services.cli.simulate.habits import Habits
from services.cli.simulate.mail import Heard, fate
from services.cli.simulate.people import Person
from services.cli.simulate.seen import Seen
from services.contracts.message import Message
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.virtual import World, arrival

_MOMENT = timedelta(microseconds=1)


class Span(NamedTuple):
    """What is simulated: `days` from `start` on, for a seed."""

    start: datetime
    days: int
    seed: int

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + timedelta(days=self.days)


class Play(Seen):
    """Tells the world what happens, in the order of time, and watches it."""

    def __init__(self, definitions: Definitions, span: Span, habits: Habits) -> None:
        super().__init__(definitions.current)
        self._span, self._habits = span, habits
        self._url = definitions.settings.shop.url
        self._numbers = count()
        self._queue: list[tuple[datetime, int, Arrival | tuple[Message, Heard]]] = []
        self.events = 0
        self.world = World(definitions, span.start, self)

    def sent(self, message: Message, at: datetime) -> None:
        """Say what will become of it."""
        super().sent(message, at)
        for one in fate(message, at, self._span.seed, self._url, self._habits):
            self._push(one.at, (message, one))

    def run(self, events: Iterable[Arrival]) -> None:
        """Let it all happen until the last day is over; events are told when they were received."""
        for event in events:
            self._push(event.received, event)
        last = self._span.end - _MOMENT
        while (at := self._next()) <= last:
            if self._queue and self._queue[0][0] == at:
                self._tell(at)
            else:
                self.world.advance(at)
        self.world.advance(last)
        self.close()

    def _push(self, at: datetime, what: Arrival | tuple[Message, Heard]) -> None:
        heappush(self._queue, (at, next(self._numbers), what))

    def _next(self) -> datetime:
        """When something happens next; what happens at the moment of a timer comes before it."""
        timer, told = self.world.next_timer(), self._queue[0][0] if self._queue else None
        return min((at for at in (told, timer) if at is not None), default=self._span.end)

    def _tell(self, at: datetime) -> None:
        what = heappop(self._queue)[2]
        if isinstance(what, Arrival):
            self.events += 1
            self.world.tell(what, at)
        else:
            message, heard = what
            self.world.receipt(message, heard.kind, at, **heard.data)


def invented(definitions: Definitions, span: Span, people: int, habits: Habits) -> Iterable[Arrival]:
    """What happens in an invented shop with so many customers, in no order."""
    shop = definitions.settings.shop
    shelf = catalogue.products(shop, span.seed)
    for one in catalogue.news(shelf, span.days, span.start, span.seed, habits):
        yield _arrival(definitions, one)
    for number in range(people):
        for one in Person(number, span.seed, shop, shelf, habits).life(span.start, span.days):
            if one.told < span.end:
                yield _arrival(definitions, one)


def _arrival(definitions: Definitions, one: Happening) -> Arrival:
    return arrival(definitions, one.kind, one.data, one.at, identity=one.id, source="simulated", received=one.told)
