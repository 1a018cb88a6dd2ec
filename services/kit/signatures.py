"""Signatures of what comes in: verified over the raw bytes, in constant time, within bounds of time.

Several keys are tried at once, so that one may replace another while both are in use.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from standardwebhooks import Webhook

from services.kit.errors import Misconfigured
from services.kit.secrets import Secret

TOLERANCE = timedelta(minutes=5)


def signed_at(timestamp: str) -> datetime | None:
    """A timestamp header (Unix seconds, digits only) as a time; None for anything else."""
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 11:
        return None
    return datetime.fromtimestamp(int(timestamp), UTC)


def fresh(timestamp: str, now: datetime, past: timedelta = TOLERANCE) -> bool:
    """Whether a timestamp header lies at most `past` behind and TOLERANCE ahead of `now` (real time)."""
    at = signed_at(timestamp)
    return at is not None and -TOLERANCE <= now - at <= past


def standard_key(secret: Secret) -> Webhook:
    """The signing key in a Standard Webhooks secret, `whsec_` and base64. Misconfigured if it is none."""
    try:
        return Webhook(secret.reveal())
    except Exception:  # noqa: BLE001 -- the library has no common error, and its texts may show the secret
        raise Misconfigured("a webhook secret must be written as the provider shows it: whsec_ and base64") from None


class Signed(msgspec.Struct, frozen=True, gc=False):
    """The three headers of Standard Webhooks, empty where they are missing, and the raw body.

    `signatures` is a list of `v1,<base64>`, separated by blanks.
    """

    message_id: str
    timestamp: str
    signatures: str
    body: bytes


def standard(keys: Sequence[Secret], signed: Signed, now: datetime) -> bool:
    """Whether `signed` bears a signature that any of `keys` made.

    Recipe of the Standard Webhooks specification and of Svix: HMAC-SHA256 over `id.timestamp.body`, five minutes of
    tolerance around `now` (real time). No keys means False.
    """
    at = signed_at(signed.timestamp)
    if at is None or not signed.message_id or not fresh(signed.timestamp, now):
        return False
    try:
        text = signed.body.decode()
        signed.message_id.encode()
    except UnicodeError:
        return False
    given = [s for version, s in (_split(one) for one in signed.signatures.split(" ")) if version == "v1"]
    valid = False
    for key in keys:
        expected = base64.b64decode(standard_key(key).sign(signed.message_id, at, text).removeprefix("v1,"))
        for signature in given:
            valid |= hmac.compare_digest(expected, signature)
    return valid


def _split(one: str) -> tuple[str, bytes]:
    version, _, encoded = one.partition(",")
    try:
        return version, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "", b""
