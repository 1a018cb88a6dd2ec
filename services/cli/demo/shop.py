"""The shop's side of the demonstration: what its back end posts, and what its customers do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import aiohttp

from services.kit.errors import Misconfigured

_ONE_CLICK = re.compile(r"<(https?://[^>]+)>")
_DECISION = re.compile(r'^wici_decisions_total\{reason="(\w+)"\} (\S+)$', re.MULTILINE)


class Customer(NamedTuple):
    """Somebody who shops. `agrees` are the channels that may bring offers."""

    id: str
    first_name: str
    email: str
    agrees: tuple[str, ...] = ()
    phone: str | None = None


class Said(NamedTuple):
    """One message as the mailbox shows it; `text` is the subject or the SMS."""

    to: str
    channel: str
    text: str
    unsubscribe: str
    sent_at: str


class Addresses(NamedTuple):
    """Where the services answer; in one process all are the same."""

    gateway: str
    engine: str
    notifier: str


class Shop:
    """Speaks HTTP to wici, as a shop's back end, its customers and its operators do."""

    def __init__(self, client: aiohttp.ClientSession, addresses: Addresses, key: str) -> None:
        self._client, self._at = client, addresses
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}

    async def tell(self, kind: str, customer: Customer, at: datetime, **data: Any) -> tuple[dict[str, Any], list[str]]:
        """Post one event; return it, and the ids under which it was taken."""
        event = {
            "specversion": "1.0",
            "id": uuid.uuid4().hex,
            "source": "demo",
            "type": kind,
            "subject": customer.id,
            "time": at.isoformat(),
            "data": {"customer": _described(customer, at), **data},
        }
        return event, await self.post(event)

    async def post(self, event: Mapping[str, Any]) -> list[str]:
        """Post an event, perhaps once more; return the ids under which it was taken."""
        async with self._client.post(f"{self._at.gateway}/v1/events", json=event, headers=self._headers) as answer:
            if answer.status != 202:
                raise Misconfigured(f"The gateway answered {answer.status}: {(await answer.text())[:300]}")
            ids: list[str] = (await answer.json())["ids"]
            return ids

    async def mailbox(self) -> list[Said]:
        """Every message, the oldest first."""
        async with self._client.get(f"{self._at.notifier}/mailbox.json") as answer:
            shown = await answer.json() if answer.status == 200 else []
        return [_said(one) for one in reversed(shown)]

    async def unsubscribe(self, said: Said) -> int:
        """Do what the mail program's "unsubscribe" button does (RFC 8058); return the status."""
        body = {"List-Unsubscribe": "One-Click"}
        async with self._client.post(said.unsubscribe, data=body) as answer:
            return answer.status

    async def decisions(self) -> dict[str, float]:
        """How often wici has decided what, by reason, over all its processes."""
        counted: dict[str, float] = {}
        for address in sorted(set(self._at)):
            async with self._client.get(f"{address}/metrics") as answer:
                for reason, count in _DECISION.findall(await answer.text()):
                    counted[reason] = counted.get(reason, 0) + float(count)
        return counted

    async def ready(self) -> bool:
        """Whether every service says that it does its work."""
        try:
            for address in sorted(set(self._at)):
                async with self._client.get(f"{address}/readyz") as answer:
                    if answer.status != 200:
                        return False
        except aiohttp.ClientError:
            return False
        return True


def _described(customer: Customer, at: datetime) -> dict[str, Any]:
    consent = {"at": at.isoformat(), "source": "form"}
    states = {
        channel: {"state": "subscribed" if channel in customer.agrees else "unknown", **consent}
        for channel in ("email", "sms")
    }
    known = {"id": customer.id, "email": customer.email, "first_name": customer.first_name, "consents": states}
    return known | ({"phone": customer.phone} if customer.phone else {})


def _said(one: Mapping[str, Any]) -> Said:
    message = one["message"]
    found = _ONE_CLICK.search(message.get("headers", {}).get("List-Unsubscribe", ""))
    text = message.get("subject") or message.get("sms") or ""
    return Said(message["recipient"], one["channel"], text, found[1] if found else "", one["sent_at"])
