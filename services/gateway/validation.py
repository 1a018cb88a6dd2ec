"""Is this event one that may be taken? Pure: bytes in, a checked event or a Fault out."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from services.contracts import data as words
from services.contracts.event import (
    ACCEPTED_TYPES,
    BROWSER_TYPES,
    ENGINE_TYPES,
    KNOWN_TYPES,
    MAX_HOPS,
    RECEIPT_TYPES,
)
from services.contracts.stamp import Scope
from services.gateway.problems import Fault
from services.gateway.reading import read

# Answers what is wrong with `data`, or None.
DataCheck = Callable[[Any], str | None]

_REQUIRED = ("id", "source", "type", "specversion")
_ATTRIBUTES = frozenset({*_REQUIRED, "subject", "time", "data", "data_base64", "datacontenttype", "dataschema"})
_EXTENSION = re.compile(r"[a-z0-9]{1,60}")
_BROWSER_CUSTOMER = frozenset({"anonymous_id", "email"})


class Checked(NamedTuple):
    """An event that may be taken. `changes` are the members that must be written anew; the rest stays as it came."""

    id: str
    source: str
    subject: str | None
    email: str | None
    anonymous_id: str | None
    traceparent: str | None
    has_time: bool
    changes: dict[str, Any]


def check(raw: bytes, scope: Scope, own_types: Mapping[str, DataCheck]) -> Checked:
    """Check one event in structured-mode JSON, sent under a key of `scope`. Raises Fault.

    `own_types` are the shop's types with the check that their JSON Schema makes.
    """
    event = read(raw)
    changes = _dropped_nulls(event)
    _check_attributes(event)
    if event.get("data_base64") is not None:
        changes |= {"data": _decoded(event), "data_base64": None}
        event["data"] = read(bytes(changes["data"]), "data")
    data = _check_data(event["type"], event.get("data", {}), own_types)
    customer = data.customer or words.Customer()
    if scope == "browser":
        _check_browser(event)
    elif customer.id and event.get("subject", customer.id) != customer.id:
        raise Fault(
            "`subject` is not `data.customer.id`.",
            "Write the customer's id in the shop in both, or leave out `subject`.",
        )
    subject = event.get("subject") or customer.id
    if subject and "subject" not in event:
        _check_text("data.customer.id", subject)
        changes["subject"] = subject
    return Checked(
        id=event["id"],
        source=event["source"],
        subject=subject,
        email=customer.email,
        anonymous_id=customer.anonymous_id,
        traceparent=event.get("traceparent"),
        has_time="time" in event,
        changes=changes,
    )


def _dropped_nulls(event: dict[str, Any]) -> dict[str, Any]:
    """A null member is an absent one (JSON format §2.2): forget it here, and in what is written."""
    absent = [name for name, value in event.items() if value is None]
    for name in absent:
        del event[name]
    return dict.fromkeys(absent)


def _check_attributes(event: dict[str, Any]) -> None:
    for name in _REQUIRED:
        if name not in event:
            raise Fault(f"`{name}` is missing.", "Write `specversion`, `id`, `source` and `type` in every event.")
    if event["specversion"] != "1.0":
        raise Fault("`specversion` is not known here.", 'Write "specversion": "1.0".')
    for name in ("id", "source", "type", "subject"):
        _check_text(name, event.get(name, "-"))
    if "time" in event:
        _check_time(event["time"])
    for name in event.keys() - _ATTRIBUTES:
        _check_extension(name, event[name])


def _check_text(name: str, value: object) -> None:
    if not (isinstance(value, str) and 0 < len(value) <= words.MAX_ID and value.isprintable()):
        raise Fault(f"`{name}` is not a short text.", "Write 1 to 256 printable characters.")


def _check_time(value: object) -> None:
    hint = "Write when it happened, in RFC 3339 with a zone: 2026-11-22T10:00:00Z. Or leave it out: arrival counts."
    try:
        at = msgspec.convert(value, words.Time)
    except msgspec.ValidationError:
        raise Fault("`time` cannot be read.", hint) from None
    if not 1970 <= at.year <= 2100:
        raise Fault("`time` is outside 1970 to 2100.", hint)


def _check_extension(name: str, value: object) -> None:
    if not _EXTENSION.fullmatch(name):
        raise Fault(
            f"`{name[:60]}` is no name of an attribute.", "Use small letters and digits; facts belong into `data`."
        )
    if isinstance(value, dict | list | float):
        raise Fault(f"`{name}` is not text, an integer or a boolean.", "What has a structure belongs into `data`.")
    if name == "wicihops" and not (type(value) is int and 0 <= value <= MAX_HOPS):
        raise Fault("`wicihops` is not a count up to 8.", "Leave it out: it stops events that go round in circles.")
    if name == "traceparent" and not isinstance(value, str):
        raise Fault("`traceparent` is not text.", "Write it as W3C Trace Context says, or leave it out.")


def _decoded(event: dict[str, Any]) -> msgspec.Raw:
    """`data_base64` as JSON text (JSON format §3.1.1)."""
    if "data" in event:
        raise Fault("Both `data` and `data_base64` are there.", "Write one of them.")
    try:
        return msgspec.Raw(base64.b64decode(event["data_base64"], validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise Fault("`data_base64` is not base64.", "Write the JSON object itself in `data`.") from None


def _check_data(event_type: str, data: object, own_types: Mapping[str, DataCheck]) -> words.Data:
    own = None if event_type in KNOWN_TYPES else own_types.get(event_type)
    if event_type not in ACCEPTED_TYPES and own is None:
        raise _type_fault(event_type, own_types)
    try:
        checked = msgspec.convert(data, words.data_type(event_type))
    except msgspec.ValidationError as error:
        raise Fault(f"`data` of {event_type}: {_place(error)}.", _data_hint(error)) from None
    wrong = own(data) if own else None
    if wrong:
        raise Fault(f"`data`: {wrong}", f"events/{event_type}.schema.json in the workspace says what is expected.")
    return checked


def _place(error: msgspec.ValidationError) -> str:
    """The decoder writes the place as `$.order.id`; the sender knows it as `data.order.id`."""
    return str(error).replace("`$.", "`data.").replace("`$[", "`data[").replace("`$`", "`data`")


def _data_hint(error: msgspec.ValidationError) -> str:
    text = str(error)
    if "Expected `str`, got `int`" in text:
        return 'Write ids and names as strings: "1001".'
    if "datetime" in text or "RFC3339" in text:
        return "Write times in RFC 3339 with a zone: 2026-11-22T10:00:00Z."
    if "consents" in text and "Expected `object`" in text:
        return 'Write a consent with its state: {"email": {"state": "subscribed", "at": "2026-11-22T10:00:00Z"}}.'
    if "regex" in text:
        return 'Write money as a decimal string, "249.90", and a currency as three capital letters, "PLN".'
    return "schemas/events in the documentation says what each type carries; fields that it does not name are allowed."


def _type_fault(event_type: str, own_types: Mapping[str, DataCheck]) -> Fault:
    if event_type in RECEIPT_TYPES or event_type.startswith("message."):
        return Fault(f"`{event_type}` is a receipt, which only wici states.", "A provider reports it to /callbacks.")
    if event_type in ENGINE_TYPES:
        return Fault(
            f"`{event_type}` is derived by wici and cannot be sent.",
            "Send the events that it follows from, such as orders.",
        )
    near = get_close_matches(event_type, [*ACCEPTED_TYPES, *own_types], n=1) if len(event_type) <= 64 else []
    meant = f"Did you mean `{near[0]}`? " if near else ""
    shown = event_type if len(event_type) <= 64 else event_type[:64] + "…"
    hint = f"{meant}A type of your own needs events/{shown}.schema.json in the workspace, published by wici apply."
    return Fault(f"`{shown}` is not a known type.", hint)


def _check_browser(event: dict[str, Any]) -> None:
    """A key that every visitor can read may say what was seen, never who somebody is or what they allow."""
    if event["type"] not in BROWSER_TYPES:
        allowed = ", ".join(sorted(BROWSER_TYPES))
        raise Fault(f"A browser key may not send `{event['type']}`.", f"It may send {allowed}. Use a server key.")
    if "subject" in event:
        raise Fault(
            "A browser key may not say `subject`.", "Write `data.customer.anonymous_id`; a server says who it is."
        )
    extra = sorted((event.get("data", {}).get("customer") or {}).keys() - _BROWSER_CUSTOMER)
    if extra:
        raise Fault(
            f"A browser key may not say `data.customer.{extra[0][:60]}`.",
            "It may say `anonymous_id` and `email`. Consents and other facts come from a server key.",
        )
