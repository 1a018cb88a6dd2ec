"""Dead letters of what came from outside, understood anew: under the workspace that is published now."""

from __future__ import annotations

from datetime import datetime

from services.contracts.workspace import Workspace
from services.gateway import webhooks
from services.gateway.keys import STOREFRONT, Grant
from services.gateway.published import vocabulary
from services.gateway.records import Arrival, Destination
from services.gateway.segment import taking
from services.gateway.topics import bridge, mapping
from services.gateway.translation import unlocked
from services.kit.bus import Outgoing, Record
from services.kit.bus.dead_letters import Origin
from services.kit.errors import Misconfigured


def originals(letter: Record, origin: Origin, workspace: Workspace | None, destination: Destination) -> list[Outgoing]:
    """What a letter is replayed as whose origin is `way/source`.

    BadRecord if it still says nothing, Misconfigured if its source is gone.
    """
    way, _, source = origin.topic.partition("/")
    arrived = datetime.fromisoformat(origin.failed_at)
    if way == webhooks.ORIGIN and (connected := workspace and unlocked(workspace.settings, source)):
        return webhooks.again(letter, connected, arrived, destination)
    if way == taking.ORIGIN and workspace and _storefront(workspace, source) == STOREFRONT:
        arrival = Arrival(Grant(source, "server"), arrived, None)
        return taking.again(letter.value or b"", arrival, vocabulary(workspace), destination)
    if way == bridge.ORIGIN and workspace and _storefront(workspace, source) == mapping.STOREFRONT:
        settings = workspace.settings.sources[source]
        reading = mapping.Reading(source, mapping.topic_source(settings), settings.map, vocabulary(workspace))
        arrival = Arrival(Grant(source, "server"), arrived, None)
        return bridge.again(letter, (origin.partition, origin.offset), reading, arrival, destination)
    raise Misconfigured(f"it came from source {source!r}, which the published workspace does not connect so.")


def _storefront(workspace: Workspace, source: str) -> str | None:
    found = workspace.settings.sources.get(source)
    return found.storefront if found else None
