"""From rows of the queue to the bytes of a call: at the claim and, equal to the last byte, for a repeat. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.contracts.workspace import Template
from services.kit.errors import BadRecord, Misconfigured, Problem
from services.kit.http import HttpRequest
from services.kit.secrets import is_reference, resolve
from services.kit.telemetry.logs import Log, Logger
from services.notifier.compose.compose import Composed, alert_words, compose
from services.notifier.editions import Account, Edition
from services.notifier.providers.base import Call, Outgoing

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_log = Logger()


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A call that is ready to be made. `digest` is the SHA-256 of the request's body."""

    account: Account
    call: Call
    request: HttpRequest
    digest: bytes


class Unsayable(Problem):
    """A message that cannot be composed, for `reason`: no other is held up by it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def message_of(row: Mapping[str, Any]) -> Message:
    """The message in a row of queue.outbound. Raises Unsayable for a context that is none."""
    try:
        context = _decode(row["context"])
    except msgspec.DecodeError:
        raise Unsayable(Reason.RENDER_FAILED) from None
    return Message(
        row["send_key"], row["profile_id"], row["entry_id"], row["journey"], row["step"], row["class"], row["channel"],
        row["template"], row["recipient"], context, row["created_at"], row["locale"], row["topic"], row["expires_at"],
    )  # fmt: skip


def outgoing(row: Mapping[str, Any], edition: Edition, composed_at: datetime) -> Outgoing:
    """One composed message. Raises Unsayable, having told the operator what is wrong with which template."""
    try:
        message = message_of(row)
        if message.channel == "webhook":
            return _webhook(message, message.context, edition, composed_at)
        template, voice = _template(message, edition), edition.voices[message.klass]
        if message.channel == "alert_webhook":
            said = alert_words(message, template, composed_at=composed_at, voice=voice)
            return _alert(message, said, edition, composed_at)
        composed = compose(message, template, composed_at=composed_at, voice=voice)
    except Unsayable as problem:
        _tell(edition, row, problem.reason.value)
        raise
    except (BadRecord, Misconfigured) as problem:
        _tell(edition, row, str(problem))
        raise Unsayable(Reason.RENDER_FAILED) from problem
    except Exception as error:
        # Whatever a template does, the others leave; the traceback goes to the log.
        _log.error(Log.SERVICE_FAILED, error, service="notifier", template=row["template"])
        raise Unsayable(Reason.RENDER_FAILED) from error
    return _outgoing(message, composed, composed_at)


def draft(account: Account, attempt_id: bytes, members: Sequence[Outgoing], *, repeat: bool = False) -> Draft:
    """One call of `members`, in this order."""
    call = Call(attempt_id, tuple(members), repeat)
    request = account.provider.request(call, account.settings)
    return Draft(account, call, request, sha256(request.body).digest())


def _template(message: Message, edition: Edition) -> Template:
    found = edition.template(message)
    if found is None:
        raise Unsayable(Reason.NO_TEMPLATE)
    return found


def _outgoing(message: Message, composed: Composed, composed_at: datetime) -> Outgoing:
    tags = {"journey": message.journey}
    if composed.channel == "sms":
        return Outgoing(message.send_key, composed.recipient, composed.sender, sms=composed.text, tags=tags)
    return Outgoing(
        message.send_key, composed.recipient, composed.sender, composed.reply_to, composed.subject, composed.html,
        composed.text, composed.headers, None, tags, composed_at,
    )  # fmt: skip


def _alert(message: Message, said: tuple[str, str], edition: Edition, composed_at: datetime) -> Outgoing:
    """What the template says, and what it reads, as JSON; an e-mail to the team would say the same."""
    subject, text = said
    told = {
        "type": f"{message.journey}.{message.step}",
        "timestamp": message.created_at,
        "data": {**message.context, "subject": subject, "text": text},
        "journey": message.journey,
        "step": message.step,
        "entry": message.entry_id.hex(),
        "event": message.context["alert"]["event"],
        "profile": message.profile_id.hex(),
    }
    return _webhook(message, told, edition, composed_at)


def _webhook(message: Message, told: Mapping[str, Any], edition: Edition, composed_at: datetime) -> Outgoing:
    """What is told as JSON, names in order, to where `$NAME` leads now. Unsayable where it leads nowhere."""
    url = message.recipient
    if is_reference(url):
        try:
            url = resolve(url, edition.environ)
        except Misconfigured as problem:
            _log.error(Log.SECRET_MISSING, version=edition.version, problem=str(problem))
            raise Unsayable(Reason.NO_ADDRESS) from problem
    text = _encode(told).decode()
    return Outgoing(message.send_key, url, text=text, tags={"journey": message.journey}, composed_at=composed_at)


def _tell(edition: Edition, row: Mapping[str, Any], what: str) -> None:
    """Say what is wrong with a template, once for each version of it: a counter says how often it was met."""
    place = f"templates/{row['template']}"
    if (place, what) not in edition.told:
        edition.told.add((place, what))
        _log.error(
            Log.WORKSPACE_FINDING, place=place, message=what, journey=row["journey"], send_key=row["send_key"].hex()
        )
