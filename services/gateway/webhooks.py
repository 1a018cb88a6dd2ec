"""A storefront's webhook: who sent it, what it says, and what is kept of one that cannot be understood.

Platforms delete a webhook that keeps failing, so that only what may succeed later, or was never theirs, is refused.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from services.gateway import letters, records, translation
from services.gateway.keys import STOREFRONT, Grant
from services.gateway.limits import read_body
from services.gateway.published import Published
from services.gateway.records import Arrival, Destination, Record
from services.gateway.storefronts.base import TEST_BODY, Delivery
from services.gateway.translation import Connected
from services.kit.bus import Outgoing
from services.kit.bus import Record as BusRecord
from services.kit.errors import BadRecord
from services.kit.problems import HttpProblem
from services.kit.telemetry import trace
from services.kit.telemetry.metrics import EVENTS_PUBLISHED

if TYPE_CHECKING:
    from starlette.requests import Request

ORIGIN = "webhooks"  # what dead letters call the topic that they came from: this, a slash, the source's name


class Answer(NamedTuple):
    """What a delivery is answered: the ids of its events, or why there are none."""

    ids: list[str]
    ignored: str = ""

    def as_json(self) -> dict[str, object]:
        """The body of the answer."""
        told: dict[str, object] = {"accepted": len(self.ids), "ids": self.ids}
        return told | ({"ignored": self.ignored} if self.ignored else {})


def is_test(delivery: Delivery) -> bool:
    """Whether `wici doctor source` made the delivery: whoever knows the secret may ask, and nothing comes of it."""
    return delivery.body == TEST_BODY


async def delivered(request: Request, connected: Connected) -> Delivery | None:
    """The delivery, once its signature is good; None for a ping. HttpProblem 401 otherwise."""
    delivery = Delivery(dict(request.headers), await read_body(request))
    if connected.storefront.is_ping(delivery):
        return None
    if not connected.storefront.verify(delivery, connected.secrets):
        EVENTS_PUBLISHED.labels(connected.source, "refused").inc()
        raise HttpProblem(
            HTTPStatus.UNAUTHORIZED,
            f"The signature was made with none of the secrets of source {connected.source!r}. Copy the secret that the "
            "shop shows beside the webhook, and let nothing on the way change the body.",
            headers={"WWW-Authenticate": f'Signature realm="{connected.source}"'},
        )
    return delivery


def written(delivery: Delivery, connected: Connected, at: datetime, destination: Destination) -> list[Record]:
    """The records of all that a delivery says. BadRecord if any of it is no event."""
    arrival = Arrival(Grant(connected.source, "server"), at, delivery.headers.get(trace.HEADER))
    return [
        records.make(event.raw, event.checked, event.id, arrival, destination)
        for event in translation.events(connected, delivery)
    ]


def letter(delivery: Delivery, source: str, problem: BadRecord, at: datetime, topic: str) -> Outgoing:
    """A verified delivery as a dead letter for `topic`, with the platform's own headers."""
    kept = [(name, value.encode()) for name, value in delivery.headers.items() if _is_the_platforms(name)]
    return letters.letter(letters.Body(ORIGIN, source, delivery.body, kept), problem, at, topic)


def again(letter: BusRecord, connected: Connected, at: datetime, destination: Destination) -> list[Outgoing]:
    """What a delivery that was kept as a dead letter says, now that it may be understood. BadRecord if it is not."""
    headers = {name: value.decode("utf-8", "replace") for name, value in letter.headers}
    delivery = Delivery(headers, letter.value or b"")
    return [record.outgoing for record in written(delivery, connected, at, destination)]


def _is_the_platforms(name: str) -> bool:
    return name.startswith(("x-", "shopify-")) and not name.startswith(("x-forwarded", "x-real"))


def connected_source(published: Published, source: str) -> Connected:
    """The storefront behind `/webhooks/{source}`. HttpProblem 404 that says what is missing."""
    found = published.storefronts.get(source)
    if found is not None:
        return found
    kind = published.sources.get(source)
    if kind is None:
        detail = f"wici.yaml has no source {source[:60]!r}. Add it under sources: and run wici apply."
    elif kind == STOREFRONT:
        detail = f"Source {source!r} sends its events to POST /v1/events, with a key."
    else:
        detail = f"Source {source!r} has no adapter for its storefront yet. Send its events to POST /v1/events."
    raise HttpProblem(HTTPStatus.NOT_FOUND, detail)
