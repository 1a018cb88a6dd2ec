"""One message of a Segment client as a CloudEvent in structured mode. Pure.

Source: github.com/segmentio/segment-docs, src/connections/spec and sources/catalog/libraries/server/http-api.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from services.contracts.settings import Shop
from services.gateway.keys import Grant
from services.gateway.problems import Fault
from services.gateway.reading import UNREADABLE, why_unreadable
from services.gateway.segment.words import MEANINGS, UNKNOWN_REST, WITHOUT_MEANING, Said, customer, normal
from services.gateway.storefronts.base import Payload
from services.gateway.storefronts.payload import child, compact, instant, plain, text
from services.gateway.storefronts.places import placed
from services.kit.errors import BadRecord

KINDS = ("track", "identify", "page", "screen", "group", "alias")
SOURCE = "segment"  # the CloudEvent's `source`: messageId is unique within it


class Sender(NamedTuple):
    """Whose key brought a message, and what wici.yaml says about its source. `own_types` are types by normal name."""

    grant: Grant
    shop: Shop
    places: Mapping[str, str]
    own_types: Mapping[str, str]


class Nothing(NamedTuple):
    """A good message from which nothing follows here, and why."""

    why: str


def event(message: Payload, sender: Sender, arrived: datetime) -> bytes | Nothing:
    """The event that a message amounts to, still to be checked. `type` says the kind of call. Raises Fault."""
    try:
        kind = _kind(message)
        if sender.grant.scope == "browser" and kind in ("identify", "alias"):
            raise Fault(
                f"A browser key may not send `{kind}`.", "Who somebody is, a server says: send it with a server key."
            )
        said = _MEANINGS[kind](message, sender)
        if isinstance(said, Nothing):
            return said
        event_type, data = said
        data = {"customer": _who(message, sender, kind), **data}
        if sender.grant.scope == "server":
            data = placed(data, message, sender.places)
        identity = text(message, "messageId") or _digest(message)
        time = _happened(message, arrived)
    except BadRecord as problem:
        raise Fault(str(problem), "docs/connect/segment.md says what each message carries.") from None
    members = {"specversion": "1.0", "id": identity, "source": SOURCE, "type": event_type, "time": time, "data": data}
    try:
        return msgspec.json.encode({name: value for name, value in members.items() if value is not None})
    except UNREADABLE as error:  # half of a surrogate pair cannot be written
        raise Fault(f"The message holds no valid text: {why_unreadable(error)}", "Write it in UTF-8.") from None


def _kind(message: Payload) -> str:
    kind = message.get("type")
    if not (isinstance(kind, str) and kind in KINDS):
        raise Fault("`type` is no kind of message.", f"Write one of {', '.join(KINDS)}.")
    return kind


def _digest(message: Payload) -> str:
    """What names a message without messageId: all that it says, but for when it was sent, which a repeat changes."""
    said = {name: value for name, value in message.items() if name != "sentAt"}
    return sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def _happened(message: Payload, arrived: datetime) -> datetime | None:
    """When it happened by our clock: as long before arrival as the sender's clock says that it was before sending."""
    at, sent = instant(message, "originalTimestamp", "timestamp"), instant(message, "sentAt")
    if at is None or sent is None:
        return at
    with suppress(OverflowError):
        return min(arrived, arrived - (sent - at))
    return at


def _who(message: Payload, sender: Sender, kind: str) -> dict[str, Any]:
    """The customer. A page's word for who somebody is counts for nothing, and its e-mail is a hint."""
    context = child(message, "context")
    traits = child(context, "traits") | (child(message, "traits") if kind == "identify" else {})
    anonymous = text(message, "anonymousId")
    if sender.grant.scope == "browser":
        if anonymous is None:
            raise Fault("`anonymousId` is missing.", "Whoever has a browser key knows the visitor by it alone.")
        return compact(anonymous_id=anonymous, email=text(traits, "email"))
    user = text(message, "userId")
    if user is None and anonymous is None:
        raise Fault("Both `userId` and `anonymousId` are missing.", "Write one of them: whom is it about?")
    return compact(id=user, anonymous_id=anonymous) | customer(traits, context)


_Meant = tuple[str, dict[str, Any]] | Nothing


def _track(message: Payload, sender: Sender) -> _Meant:
    name = text(message, "event")
    if name is None:
        raise Fault("`event` is missing.", "Write the name of what happened, such as Order Completed.")
    properties = child(message, "properties")
    own = sender.own_types.get(normal(name))
    if own is not None:
        return own, {name: value for name, value in properties.items() if name != "customer"}
    meaning = MEANINGS.get(normal(name))
    if meaning is not None:
        if normal(name) == "productremoved" and "products" not in properties:
            return Nothing(UNKNOWN_REST)
        visitor = text(message, "anonymousId", "userId")
        return meaning.type, meaning.data(Said(properties, visitor, sender.shop))
    why = WITHOUT_MEANING.get(normal(name))
    if why is not None:
        return Nothing(why)
    shown = name[:64]
    raise Fault(
        f"`{shown}` is no event that is known here.",
        f"An event of your own needs events/{_own(shown)}.schema.json in the workspace, published by wici apply.",
    )


def _own(name: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return f"{words[0]}.{'_'.join(words[1:])}" if len(words) > 1 else f"shop.{(words or ['event'])[0]}"


def _page(message: Payload, _: Sender) -> _Meant:
    properties, page = child(message, "properties"), child(child(message, "context"), "page")
    said = {name: text(properties, name) or text(page, name) for name in ("url", "path", "title", "referrer")}
    name, category = plain(message, "name") or plain(properties, "name"), plain(message, "category")
    return "page.viewed", {"page": compact(name=name, category=category, **said)}


def _identify(_: Payload, __: Sender) -> _Meant:
    return "customer.updated", {}


def _alias(message: Payload, _: Sender) -> _Meant:
    """The visitor of the earlier id is from now on this customer."""
    previous, user = text(message, "previousId"), text(message, "userId")
    if previous is None or user is None:
        raise Fault("`previousId` and `userId` are not both there.", "Write the visitor's earlier id and the user's.")
    return "customer.updated", {"customer": {"id": user, "anonymous_id": previous}}


def _group(_: Payload, __: Sender) -> _Meant:
    return Nothing("a group is a company's account, and there are none here")


_MEANINGS: dict[str, Callable[[Payload, Sender], _Meant]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _page,
    "group": _group,
    "alias": _alias,
}
