"""`wici send-test`: one message of a template through the account that wici.yaml configures, marked as a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.cli.preview import Wanted, rendered, workspace_of
from services.cli.terminal import Answer
from services.contracts import ids
from services.contracts.message import Channel
from services.contracts.settings import Account
from services.contracts.workspace import Workspace
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.http import Http
from services.kit.settings import Settings
from services.notifier.compose.compose import Composed
from services.notifier.compose.sms import segments
from services.notifier.gate import allowed_here
from services.notifier.providers import PROVIDERS
from services.notifier.providers.base import Accepted, Answered, Call, Outgoing, Result, call
from services.notifier.providers.settings import read
from services.notifier.providers.smtp_relay import Relay

_MARK = "[test] "


async def send_test(settings: Settings, environ: Mapping[str, str], wanted: Wanted, to: str) -> Answer:
    """Send it to `to` (an address, or +48…). Misconfigured where WICI_ONLY_TO or the workspace forbids it."""
    channel: Channel = "email" if "@" in to else "sms"
    if settings.only_to and not allowed_here(to, settings.only_to):
        raise Misconfigured(f"WICI_ONLY_TO does not name {to}: nothing was sent. Add it there.")
    workspace = workspace_of(settings)
    account = _account(workspace, channel)
    composed, message = next(rendered(workspace, _over(wanted, channel), {}, to, settings))
    marked = _marked(composed)
    result = await _sent(account, environ, settings, marked, message.send_key)
    return _answer(result, account, to, marked)


def _marked(composed: Composed) -> Composed:
    """It says of itself that it is a test: in the subject of a mail, at the beginning of an SMS."""
    if composed.channel == "email":
        return msgspec.structs.replace(composed, subject=_MARK + composed.subject)
    text = _MARK + composed.text
    return msgspec.structs.replace(composed, text=text, parts=segments(text))


def _over(wanted: Wanted, channel: Channel) -> Wanted:
    return Wanted(wanted.template, wanted.journey, wanted.locale, channel, wanted.customer, wanted.data)


def _account(workspace: Workspace, channel: Channel) -> Account:
    found = next((one for one in workspace.settings.accounts if one.channel == channel), None)
    if found is None or found.provider not in PROVIDERS:
        raise Misconfigured(f"No account sends {channel}. Write one under providers.{channel} in wici.yaml.")
    if found.provider == "mailbox":
        raise Misconfigured(f"The account {found.name} is the mailbox, which sends nothing. Look at it: wici preview")
    return found


async def _sent(
    configured: Account, environ: Mapping[str, str], settings: Settings, composed: Composed, send_key: bytes
) -> Result:
    provider = PROVIDERS[configured.provider]
    options = read(provider.settings, configured, environ, settings.public_url)
    sms = composed.text if composed.channel == "sms" else None
    outgoing = Outgoing(
        send_key, composed.recipient, composed.sender, composed.reply_to, composed.subject or None,
        composed.html or None, None if sms else composed.text, composed.headers, sms, {"journey": "test"},
        SystemClock().real(),
    )  # fmt: skip
    attempt = Call(ids.attempt(send_key, 0), (outgoing,))
    request = provider.request(attempt, options)
    async with Http() as http, Relay() as relay:
        return await call(relay if provider.name == "smtp" else http, provider, attempt, request)


def _answer(result: Result, account: Account, to: str, composed: Composed) -> Answer:
    one = result.outcomes[0] if isinstance(result, Answered) and result.outcomes else None
    about: dict[str, Any] = {"account": account.name, "to": to, "subject": composed.subject, "parts": composed.parts}
    if isinstance(one, Accepted):
        data = {**about, "accepted": True, "provider_id": one.provider_id}
        return Answer(f"Sent to {to} through {account.name} ({one.provider_id or 'no id'}).", data)
    said = one if one is not None else result
    why = " ".join(str(value) for value in msgspec.structs.asdict(said).values() if value)
    text = f"{account.name} did not take it: {type(said).__name__} {why}".rstrip()
    return Answer(text, {**about, "accepted": False, "answer": type(said).__name__, "why": why}, 1)
