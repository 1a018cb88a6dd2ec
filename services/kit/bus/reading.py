"""What both consumers share: partitions given and taken, and the start of reading between the two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from services.kit.bus import Start
from services.kit.clock import monotonic
from services.kit.errors import Misconfigured, TryAgain
from services.kit.waiting import until_news

_RETRY_SECONDS = 0.5
_TOPIC_CHECK_SECONDS = 5.0


class Assignment:
    """The partitions of one member: none from the moment they are taken until reading from `start` has begun.

    `begin` is the bus's own: it checks the positions and goes there. What fails is kept for `poll` to raise.
    """

    def __init__(self, start: Start, begin: Callable[[frozenset[int], Mapping[int, int]], Awaitable[None]]) -> None:
        self._start, self._begin = start, begin
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.partitions: frozenset[int] = frozenset()
        self.changed = asyncio.Event()

    def give(self, partitions: frozenset[int]) -> None:
        """Begin to read `partitions`, instead of what was read before."""
        self.take()
        self._task = asyncio.create_task(self._run(partitions))

    def take(self) -> None:
        """Read nothing from now on."""
        self.partitions = frozenset()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def fail(self, failure: Exception) -> None:
        """Stop for good: `poll` raises `failure` from now on."""
        self.take()
        self._failure = failure
        self.changed.set()

    def check(self) -> None:
        """Raise what has stopped the reading, if anything has."""
        if self._failure is not None:
            raise self._failure

    async def wait(self, seconds: float) -> None:
        """Wait for a change of the assignment or a failure, at most `seconds`."""
        self.changed.clear()
        await until_news(self.changed, seconds)

    async def _run(self, partitions: frozenset[int]) -> None:
        while True:
            try:
                await self._begin(partitions, await self._start(partitions))
            except (TryAgain, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as failure:  # noqa: BLE001 -- whatever it is, the consumer's owner must see it
                self._task = None
                self.fail(failure)
                return
            else:
                self.partitions = partitions
                self.changed.set()
                return


class TopicWatch:
    """Sees that a topic was deleted and made again: then its offsets mean other records."""

    def __init__(self, topic: str, expected: str, topic_id: Callable[[str], Awaitable[str]]) -> None:
        self._topic, self._expected, self._topic_id = topic, expected, topic_id
        self._next = 0.0

    async def check(self, *, now: bool = False) -> None:
        """Raise Misconfigured if the topic has another id; asks every five seconds, or `now`."""
        if not now and monotonic() < self._next:
            return
        found = await self._topic_id(self._topic)
        if found != self._expected:
            raise Misconfigured(
                f"Topic {self._topic} was deleted and made again (id {self._expected} is now {found}), so the stored "
                "positions mean other records. Restore the topic, or delete its rows of stored positions to begin anew."
            )
        self._next = monotonic() + _TOPIC_CHECK_SECONDS


def out_of_range(topic: str, partition: int, position: int) -> Misconfigured:
    """Return the error of a position that the log does not have."""
    return Misconfigured(
        f"Position {position} of {topic}[{partition}] is not in the log: records were deleted before they were read, "
        "or the database is newer than the log. Restore them, or correct the stored position to accept the loss."
    )
