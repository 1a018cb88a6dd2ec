"""The times of scheduled journeys in memory: when the next customers are to be told, and of what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush

from services.contracts.journey import Journey
from services.contracts.schedule import Schedule
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.schedules.campaign import Campaign, walks
from services.trigger_engine.journeys.schedules.occurrences import Occurrence, occurrences

FOREVER = datetime.max.replace(tzinfo=UTC)


class Campaigns:
    """What `engine.schedules` and the campaigns of `engine.fan_outs` hold. A pace is not played: all are told at once.

    Each journey's times are thought out one ahead.
    """

    def __init__(self, definitions: Definitions, since: datetime) -> None:
        self._heap: list[tuple[datetime, bytes]] = []
        self._said: dict[bytes, Campaign] = {}
        self._more: dict[str, Iterator[Occurrence]] = {}
        self.follow(definitions, since)

    def follow(self, definitions: Definitions, now: datetime) -> None:
        """Go by other definitions from `now` on; what has begun goes on."""
        self._definitions = definitions
        self._said = {identity: said for identity, said in self._said.items() if said.begin <= now}
        self._heap = [one for one in self._heap if one[1] in self._said]
        heapify(self._heap)
        for one in definitions.campaigns:
            self._more[one.journey.name] = occurrences(one.journey, now, FOREVER, definitions.settings)
            self._think_ahead(one.journey)

    def next(self) -> datetime | None:
        """When customers are told next."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> tuple[Campaign, Schedule | None]:
        """What they are told at the moment of `next`: nothing, where the journey has no schedule any more."""
        due, identity = heappop(self._heap)
        said = self._said.pop(identity)
        compiled = self._definitions.current.get(said.journey)
        if compiled is None or compiled.journey.enter.schedule is None:
            return said, None
        if due == said.begin:
            self._think_ahead(compiled.journey)
        return said, compiled.journey.enter.schedule

    def _think_ahead(self, journey: Journey) -> None:
        one = next(self._more[journey.name], None)
        if one is not None:
            said = Campaign(journey.name, one.name, one.begin, one.end)
            for identity, due in walks(journey, one, self._definitions.settings):
                if identity not in self._said:
                    self._said[identity] = said
                    heappush(self._heap, (due, identity))
