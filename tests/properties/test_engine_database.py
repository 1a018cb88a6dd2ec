"""Claims between commits, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.journey import Wait
from tests.support.engine import AT, DAY, HOUR, SUBSCRIBED, event, journey, say, until, workspace
from tests.support.examples import examples
from tests.support.town import Desk, Town, start_log, town

VIEWS = journey("views", "page.viewed", say(), Wait("w", 1, "hours"), say(id="2"), again_after=0,
                exits=until("survey.answered"))  # fmt: skip
SHOP = workspace(VIEWS, journey("news", "category.viewed", again_after=0, topic="news"))
_ACT = st.sampled_from(["page.viewed", "category.viewed", "claim", "merge", "guest"])


class Sequences:
    """A loop of its own for examples that hypothesis draws one after the other, each with a new customer."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._context = town(url)
        self.place: Town = self.run(self._context.__aenter__())
        self.run(start_log(self.place))
        self.offset = self.customers = 0

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self._context.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture
def sequences(database_url: str) -> Iterator[Sequences]:
    made = Sequences(database_url)
    yield made
    made.close()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ACT, max_size=6), st.sampled_from(["withdrawal", "exit"]), st.integers(1, 3))
def test_a_withdrawal_or_exit_committed_before_a_claim_leaves_nothing_to_claim(
    sequences: Sequences, acts: list[str], end: str, size: int
) -> None:
    sequences.run(live(sequences, acts, end, size))


async def live(sequences: Sequences, acts: list[str], end: str, size: int) -> None:
    """Act in batches of `size`; then end it, and claim what may still leave."""
    place, number = sequences.place, sequences.customers
    sequences.customers += 1
    desk = Desk(place, SHOP)
    who = {"id": f"c-{number}", "email": f"c{number}@example.com", "consents": SUBSCRIBED}
    waiting: list[bytes] = []

    async def commit() -> None:
        work = await desk.prepare(waiting, first=sequences.offset)
        sequences.offset += len(waiting)
        waiting.clear()
        await desk.commit(work)

    for act in acts:
        if act == "claim":
            await commit()
            await claim(place, number)
        elif act == "merge":
            waiting.append(event("page.viewed", customer={**who, "anonymous_id": f"a{number}"}))
        elif act == "guest":
            waiting.append(event("category.viewed", customer={"anonymous_id": f"a{number}", "consents": SUBSCRIBED,
                                                              "email": f"d{number}@example.com"}))  # fmt: skip
        else:
            waiting.append(event(act, customer=who))
        if len(waiting) >= size:
            await commit()
    left: tuple[str, ...] = ("views", "news")
    if end == "withdrawal":
        gone = {"email": {"state": "unsubscribed", "at": AT + DAY}}
        waiting.append(
            event("consent.changed", AT + HOUR, customer={**who, "anonymous_id": f"a{number}", "consents": gone})
        )
    else:
        waiting.append(event("survey.answered", AT + HOUR, customer={**who, "anonymous_id": f"a{number}"}))
        left = ("views",)
    await commit()
    assert await claim(place, number, left) == 0
    rows = await place.pool.fetch(
        "SELECT DISTINCT c.state FROM engine.v_consent c JOIN engine.identifiers i USING (profile_id)"
        " WHERE i.value = $1",
        f"c-{number}",
    )
    assert {row[0] for row in rows} == ({"unsubscribed"} if end == "withdrawal" else {"subscribed"})


async def claim(place: Town, number: int, journeys: tuple[str, ...] = ("views", "news")) -> int:
    """Claim what is queued for this customer; how many."""
    rows = await place.pool.fetch(
        "UPDATE queue.outbound SET state = 1 WHERE state = 0 AND journey = ANY($2) AND recipient LIKE $1 RETURNING 1",
        f"%{number}@example.com", list(journeys),
    )  # fmt: skip
    return len(rows)
