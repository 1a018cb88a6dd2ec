"""Links as they leave: the shop's own gain its UTM words, those of a tracked message lead through /c/.

An image tells that a tracked message was opened. Pure: the same message gives the same bytes.

Only what an `<a>` of the HTML part leads to, by http or https, is touched; the ways out (unsubscribe, preferences) and
whatever else is wici's own never are. The text part and SMS stay readable: they gain UTM words (e-mail) or nothing.
docs/tracking.md says what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from html import escape, unescape
from urllib.parse import quote, urlsplit

import msgspec

from services.contracts.message import Message, MessageClass
from services.contracts.settings import Links
from services.notifier.compose.links import LONGEST_TARGET, make_token

ADVERTISED: frozenset[MessageClass] = frozenset({"marketing", "opinion"})
# An attribute's value ends the tag only outside quotes; a link that this does not find stays as it is.
_ANCHOR = re.compile(r"""<a\s(?:[^<>]*?\s)??href\s*=\s*("[^"<>]*"|'[^'<>]*')""", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_IN_TEXT = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_AFTER_A_LINK = ".,;:!?)]"
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'

Words = tuple[tuple[str, str], ...]


class Trail(msgspec.Struct, frozen=True, dict=True):
    """How a class of messages is followed.

    `base` is where tracked links lead to, without a slash at its end; `own` are the beginnings of links that are never
    touched; `host` is the shop's, whose links gain `utm` (names and values, with {channel} and {journey} open).
    """

    base: str
    own: tuple[str, ...]
    host: str
    track: bool = False
    utm: Words = ()

    @cached_property
    def written(self) -> str:
        """`base` as a page has it."""
        return escape(self.base)


def trail(links: Links, klass: MessageClass, public_url: str, shop_url: str) -> Trail:
    """What `links:` of wici.yaml asks of a class of messages."""
    public = public_url.rstrip("/")
    base = f"https://{links.domain}" if links.domain else public
    track = links.track == "all" or (links.track == "marketing" and klass in ADVERTISED)
    utm = tuple((f"utm_{name}", value) for name, value in sorted(links.utm.items()))
    return Trail(base, (public + "/", base + "/"), _host(shop_url), track, utm)


def followed(html: str, text: str, message: Message, keys: Sequence[str], how: Trail) -> tuple[str, str]:
    """HTML and text part as they leave."""
    utm = _filled(how.utm, message.channel, message.journey) if how.utm else ()
    if utm:
        text = _IN_TEXT.sub(lambda found: _in_text(found[0], how, utm), text)
    edits = []
    if utm or how.track:
        for found in _ANCHOR.finditer(html):
            leaves = _anchor(found[1], message.send_key, keys, how, utm)
            edits.append((found.start(1), found.end(1), leaves))
    if how.track:
        end = html.rfind("</body>")
        at = len(html) if end < 0 else end
        edits.append((at, at, _pixel(message.send_key, keys, how.written)))
    return _edited(html, edits), text


def _edited(page: str, edits: list[tuple[int, int, str]]) -> str:
    """The page with other texts from where to where: copied once, for it is long."""
    parts: list[str] = []
    at = 0
    for start, end, text in sorted(edits):
        parts += (page[at:start], text)
        at = end
    return "".join([*parts, page[at:]])


@lru_cache(maxsize=1024)
def _filled(utm: Words, channel: str, journey: str) -> Words:
    return tuple((name, value.replace("{channel}", channel).replace("{journey}", journey)) for name, value in utm)


def _in_text(found: str, how: Trail, utm: Words) -> str:
    url = found.rstrip(_AFTER_A_LINK)
    return found if url.startswith(how.own) else with_utm(url, how.host, utm) + found[len(url) :]


def _anchor(quoted: str, send_key: bytes, keys: Sequence[str], how: Trail, utm: Words) -> str:
    """A link's quoted value as it leaves; byte for byte as it was where nothing is to be done."""
    if quoted.startswith(how.own, 1):  # each message has its own: nothing to remember
        return quoted
    untracked, target = _led(quoted, how, utm)
    if target is None:
        return untracked
    return f'"{how.written}/c/{make_token("click", send_key, keys, target)}"'


@lru_cache(maxsize=4096)
def _led(quoted: str, how: Trail, utm: Words) -> tuple[str, bytes | None]:
    """A link's quoted value as it leaves untracked, and to what a tracked one leads (None: it is not tracked)."""
    written = _REFERENCE.sub(lambda found: unescape(found[0]), quoted[1:-1]).strip()
    if not _WEB.fullmatch(written) or written.startswith(how.own):
        return quoted, None
    url = with_utm(written, how.host, utm) if utm else written
    target = url.encode("utf-8", "replace")
    tracked = how.track and len(target) <= LONGEST_TARGET
    return quoted if url == written else f'"{escape(url)}"', target if tracked else None


def _pixel(send_key: bytes, keys: Sequence[str], written: str) -> str:
    return _PIXEL.format(f"{written}/o/{make_token('open', send_key, keys)}.gif")


@lru_cache(maxsize=4096)
def with_utm(url: str, host: str, utm: Words) -> str:
    """`url` with those of `utm` that it does not have, if it leads to `host` or below it; query and fragment stay."""
    found = _host(url)
    if not host or (found != host and not found.endswith("." + host)):
        return url
    rest, hash_, fragment = url.partition("#")
    path, mark, query = rest.partition("?")
    known = {part.partition("=")[0] for part in query.split("&")}
    more = [f"{name}={quote(value, safe='')}" for name, value in utm if name not in known]
    joined = "&".join([*([query] if query else []), *more])
    return f"{path}{'?' if joined else mark}{joined}{hash_}{fragment}"


@lru_cache(maxsize=1024)
def _host(url: str) -> str:
    """The host of a link, in lower case and without www; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
