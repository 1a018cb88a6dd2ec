"""`wici doctor source NAME`: a signed delivery that has no effect, through the address that the shop uses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from services.cli.connect import connection, database
from services.cli.doctor import Check, told
from services.cli.services import EVERYTHING_PORT
from services.cli.terminal import Answer
from services.contracts.settings import Source
from services.contracts.workspace import current
from services.gateway.keys import STOREFRONT as HTTP
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.base import TEST_BODY
from services.gateway.topics.bridges import without_kafka
from services.gateway.topics.mapping import STOREFRONT as KAFKA
from services.gateway.topics.mapping import topic_source
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured, Problem, TryAgain, Unknown
from services.kit.http import Http, HttpRequest, HttpResponse
from services.kit.secrets import Secret, resolve
from services.kit.settings import Settings

MOST_SKEW = timedelta(minutes=2)
_READ = "SELECT count(*) AS partitions, coalesce(sum(position), 0) AS read FROM gateway.positions WHERE source = $1"
_TEST_CALL = b'{"userId":"wici-test","groupId":"wici-test"}'


class Asked(NamedTuple):
    """A source of the published workspace, and how its secrets and address are found."""

    name: str
    source: Source
    settings: Settings
    environ: Mapping[str, str]
    base: str


Build = Callable[[Asked, str], HttpRequest]


async def doctor_source(settings: Settings, environ: Mapping[str, str], name: str, url: str = "") -> Answer:
    """Every check of one source; errors make the exit code 1. `url` replaces WICI_PUBLIC_URL."""
    with database(settings) as found:
        async with connection(found) as opened:
            workspace = await current(opened)
            read = await opened.fetchrow(_READ, name)
        if workspace is None:
            raise Misconfigured("No workspace is published. Run: wici apply")
        sources = workspace.settings.sources
        if name not in sources:
            raise Misconfigured(_unknown(name, list(sources)))
        base = (url or found.public_url or found.serving(EVERYTHING_PORT).public_url).rstrip("/")
        asked = Asked(name, sources[name], found, environ, base)
        checks = [check async for check in _checks(asked, read)]
    return told(checks)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"The published workspace has no source {name!r}.{meant} It has: {', '.join(known)}."


async def _checks(asked: Asked, read: Any) -> AsyncIterator[Check]:
    source = asked.source
    if source.storefront == KAFKA:
        async for check in _topic(asked, read):
            yield check
        return
    for name, reference, build in _tests(source):
        async for check in _sent(asked, f"{name} {reference}", reference, build):
            yield check
    if source.storefront == HTTP:
        yield Check("not seen", "ok", "Only what the back end or the page sends is known: nothing is fetched.")
    elif source.storefront in STOREFRONTS:
        for said in STOREFRONTS[source.storefront].unseen:
            yield Check("not seen", "ok", said)
    else:
        yield Check("adapter", "error", f"{source.storefront} is not connected in this version: nothing comes from it.")


def _tests(source: Source) -> list[tuple[str, str, Build]]:
    if source.storefront == HTTP:
        keys: list[tuple[str, str, Build]] = [("key", reference, _call) for reference in source.keys]
        return keys + [("browser key", reference, _call) for reference in source.browser_keys]
    return [("secret", reference, _delivery) for reference in source.secrets if source.storefront in STOREFRONTS]


def _delivery(asked: Asked, secret: str) -> HttpRequest:
    storefront = STOREFRONTS[asked.source.storefront]
    signed = dict(storefront.sign(TEST_BODY, Secret(secret)))
    headers = {"Content-Type": "application/json", **signed}
    return HttpRequest("POST", f"{asked.base}/webhooks/{asked.name}", headers, TEST_BODY)


def _call(asked: Asked, key: str) -> HttpRequest:
    """A call of Segment's from which nothing follows (a group)."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    return HttpRequest("POST", f"{asked.base}/v1/group", headers, _TEST_CALL)


async def _sent(asked: Asked, name: str, reference: str, build: Build) -> AsyncIterator[Check]:
    try:
        secret = resolve(reference, asked.environ)
    except Misconfigured as missing:
        yield Check(name, "error", f"{missing}.")
        return
    request = build(asked, secret)
    try:
        async with Http(timeout=10.0, connect_timeout=4.0) as http:
            answer = await http.send(request)
    except (TryAgain, Unknown) as error:
        yield Check(name, "error", _unreachable(request.url, error))
        return
    yield _judged(name, reference, request.url, answer)
    skew = _skew(answer)
    if skew is not None and abs(skew) > MOST_SKEW:
        apart = f"{skew.total_seconds():.0f} s"
        yield Check("clock", "warning", f"The gateway's clock differs from this machine's by {apart}. Set both by NTP.")


def _unreachable(url: str, error: Exception) -> str:
    return (
        f"Nobody answers at {url} ({error}). Start the gateway, lead the proxy to it, or correct WICI_PUBLIC_URL; "
        "--url names another address."
    )


def _judged(name: str, reference: str, url: str, answer: HttpResponse) -> Check:
    said = _json(answer.body)
    if answer.status == 200 and said.get("accepted") == 0:
        return Check(name, "ok", f"A signed test arrived at {url} and was verified. It had no effect.")
    if answer.status == 401 and "detail" in said:
        return Check(
            name,
            "error",
            f"The gateway does not know this value of {reference}: its own environment holds another one. Give "
            "both the same, and restart the gateway.",
        )
    if answer.status in (404, 503) and "detail" in said:
        return Check(name, "error", str(said["detail"]))
    return Check(
        name,
        "error",
        f"{url} answers {answer.status} and not as a gateway does. Lead the proxy to the gateway.",
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _skew(answer: HttpResponse) -> timedelta | None:
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC) - _now()
    except (KeyError, ValueError, TypeError):
        return None


def _now() -> datetime:
    return SystemClock().real()


async def _topic(asked: Asked, read: Any) -> AsyncIterator[Check]:
    from services.kit.bus.kafka import open_kafka, security

    topic = topic_source(asked.source)
    bootstrap = topic.bootstrap or asked.settings.kafka
    if not bootstrap:
        yield Check("kafka", "error", without_kafka(asked.name))
        return
    try:
        bus = await open_kafka(bootstrap, security(asked.settings))
        try:
            count = await bus.partitions(topic.topic)
        finally:
            await bus.close()
    except Problem as error:
        yield Check("kafka", "error", f"{bootstrap}: {error}")
        return
    yield Check("kafka", "ok", f"{bootstrap} has topic {topic.topic} with {count} partitions.")
    if read["partitions"]:
        yield Check("read", "ok", f"The gateway has read up to offset {read['read']}, summed over partitions.")
    else:
        yield Check("read", "warning", "The gateway has read nothing of it yet; its /readyz says why.")
    yield Check("not seen", "ok", "What the mapping does not name; dead letters say where a place is wrong.")
