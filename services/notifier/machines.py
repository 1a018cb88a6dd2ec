"""Telling who followed a link: a person, or a machine that looks at mail for one. Pure.

Security gateways fetch every link before a mail is delivered, mail clients fetch images nobody has looked at: counted,
they would end waits for a click and enter journeys. docs/tracking.md has the same table in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from services.contracts.receipt import ReceiptKind

TOO_SOON = timedelta(seconds=2)
"""After the provider took the message: nobody has read it by then."""
AT_ONCE = timedelta(seconds=1)
"""Two links of one message within this time: a scanner walks through it."""

# The sender's own words, as they stand in User-Agent; what fetches it, and when.
AGENTS: tuple[tuple[str, str], ...] = (
    (r"^Mozilla/5\.0$", "Apple Mail Privacy Protection: fetches the images of every mail, read or not"),
    (r"GoogleImageProxy", "Gmail's proxy of images: also for previews, and once for all later openings"),
    (r"YahooMailProxy", "Yahoo's proxy of images, likewise"),
    (r"bot/|\bbot\b|crawl|spider|slurp", "whatever calls itself a robot"),
    (r"facebookexternalhit|WhatsApp|Slack|TelegramBot|Twitterbot|LinkedInBot|SkypeUriPreview", "previews of links"),
    (r"Barracuda|Proofpoint|Mimecast|Symantec|FortiGuard|Trend ?Micro|Sophos|Cisco|IronPort", "security gateways"),
    (r"BingPreview|Microsoft Office/.*Outlook.*(Preview|Safe)|SafeLinks|ms-office; MSOffice", "Microsoft's checks"),
    (r"curl/|Wget/|python-|Go-http-client|Java/|okhttp|libwww|HeadlessChrome|PhantomJS", "programs"),
)
_MACHINE = re.compile("|".join(pattern for pattern, _ in AGENTS), re.IGNORECASE)


class Hit(msgspec.Struct, frozen=True, gc=False):
    """One request for a tracked link, at `at` (real time). `url` is a click's target; `machine` what its words said."""

    send_key: bytes
    kind: ReceiptKind
    at: datetime
    url: str = ""
    machine: bool = False


def by_its_words(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request gives itself away: HEAD, a prefetch, no User-Agent, or one of AGENTS. Names in lower case."""
    agent = headers.get("user-agent", "").strip()
    fetched_ahead = "prefetch" in (headers.get("sec-purpose", "") + headers.get("purpose", "")).lower()
    return method == "HEAD" or fetched_ahead or not agent or _MACHINE.search(agent) is not None


def judged(hits: Iterable[Hit], sent: Mapping[bytes, datetime]) -> list[Hit]:
    """The hits, with `machine` set where their time or their number says so.

    `sent` is when each message was taken by its provider, if it is known: what comes before that is a machine's.
    """
    given = list(hits)
    links: dict[bytes, list[Hit]] = {}
    for hit in given:
        if hit.kind == "clicked":
            links.setdefault(hit.send_key, []).append(hit)
    return [
        hit if hit.machine or not (_too_soon(hit, sent) or _one_of_many(hit, links.get(hit.send_key, [])))
        else msgspec.structs.replace(hit, machine=True)
        for hit in given
    ]  # fmt: skip


def _too_soon(hit: Hit, sent: Mapping[bytes, datetime]) -> bool:
    at = sent.get(hit.send_key)
    return at is None or hit.at - at < TOO_SOON


def _one_of_many(hit: Hit, others: Iterable[Hit]) -> bool:
    if hit.kind != "clicked":
        return False
    return any(other.url != hit.url and abs(other.at - hit.at) < AT_ONCE for other in others)
