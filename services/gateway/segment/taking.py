"""What becomes of the messages of one call: events for the bus, dead letters, or nothing; and what the caller is told.

A client puts together a batch of its own, and throws the whole of it away when the answer is 4xx: an order for the sake
of a misspelt click. So of a batch all that can be understood is taken; what cannot becomes a dead letter, if a server
said it. A call with one message is answered as /v1/events is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from services.contracts import ids
from services.gateway import letters, records
from services.gateway.keys import Grant
from services.gateway.problems import MAX_FAULTS, Fault, Listed, of_faults
from services.gateway.published import Vocabulary
from services.gateway.reading import named
from services.gateway.records import Arrival, Destination, Record
from services.gateway.segment.calls import Call
from services.gateway.segment.messages import Nothing, Sender, event
from services.gateway.storefronts.base import Payload
from services.gateway.validation import check
from services.kit.bus import Outgoing
from services.kit.errors import BadRecord
from services.kit.telemetry.metrics import EVENTS_PUBLISHED

ORIGIN = "segment"  # what dead letters call the topic that they came from: this, a slash, the source's name
UNTRANSLATABLE = "message_untranslatable"


@dataclass
class Taken:
    """All that a call amounts to."""

    events: list[Record] = field(default_factory=list)
    letters: list[Outgoing] = field(default_factory=list)
    skipped: list[dict[str, object]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The answer: `success` is Segment's own word, the rest is ours."""
        told = [ids.text(record.id) for record in self.events]
        answer: dict[str, object] = {"success": True, "accepted": len(told), "ids": told}
        return answer | ({"skipped": self.skipped[:MAX_FAULTS]} if self.skipped else {})


def take(call: Call, arrival: Arrival, words: Vocabulary, destination: Destination, dead_letters: str) -> Taken:
    """Translate every message. HttpProblem where a single one is wrong."""
    taken = Taken()
    source = arrival.grant.source
    for index, raw in enumerate(call.messages):
        message: Payload | None = None
        try:
            message = call.message(raw)
            said = _record(message, arrival, words, destination)
        except Fault as fault:
            if not call.is_batch:
                EVENTS_PUBLISHED.labels(source, "refused").inc()
                raise of_faults([Listed(0, named(raw), fault)], 1) from None
            kept = raw if message is None else msgspec.json.encode(message)
            _refuse(taken, index, kept, fault, arrival, dead_letters)
        else:
            if isinstance(said, Nothing):
                EVENTS_PUBLISHED.labels(source, "ignored").inc()
                taken.skipped.append({"index": index, "reason": "no_meaning", "error": said.why, "hint": ""})
            else:
                taken.events.append(said)
    return taken


def again(value: bytes, arrival: Arrival, words: Vocabulary, destination: Destination) -> list[Outgoing]:
    """What a message that was kept as a dead letter says, now that it may be understood. BadRecord if it is not."""
    try:
        message = Call("batch", [], {}, None).message(value)
        said = _record(message, arrival, words, destination)
    except Fault as fault:
        raise BadRecord(UNTRANSLATABLE, f"{fault.error} {fault.hint}") from None
    return [] if isinstance(said, Nothing) else [said.outgoing]


def _record(message: Payload, arrival: Arrival, words: Vocabulary, destination: Destination) -> Record | Nothing:
    grant = arrival.grant
    raw = event(message, _sender(grant, words), arrival.at)
    if isinstance(raw, Nothing):
        return raw
    checked = check(raw, grant.scope, words.own_types)
    identity = ids.http_event(grant.namespace, checked.source, checked.id)
    return records.make(raw, checked, identity, arrival, destination)


def _sender(grant: Grant, words: Vocabulary) -> Sender:
    return Sender(grant, words.settings.shop, words.settings.sources[grant.source].map, words.own_names)


def _refuse(taken: Taken, index: int, raw: bytes, fault: Fault, arrival: Arrival, topic: str) -> None:
    """Whoever reads the page has a browser key: he could fill the dead letters, so that his are counted only."""
    grant = arrival.grant
    EVENTS_PUBLISHED.labels(grant.source, "refused").inc()
    taken.skipped.append({"index": index, "reason": UNTRANSLATABLE, "error": fault.error, "hint": fault.hint})
    if grant.scope == "server":
        problem = BadRecord(UNTRANSLATABLE, f"{fault.error} {fault.hint}")
        taken.letters.append(letters.letter(letters.Body(ORIGIN, grant.source, raw), problem, arrival.at, topic))
