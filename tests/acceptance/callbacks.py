"""What the providers call back with, signed as they sign it."""

from __future__ import annotations

import base64
import json
import urllib.parse
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from services.kit.clock import SystemClock
from tests.acceptance.installation import MAIL_CALLBACK, SECRETS, Installation, status
from tests.support.provider_ledger import Taken

_SENDGRID = ec.derive_private_key(7, ec.SECP256R1())
SENDGRID_KEY = base64.b64encode(
    _SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


def resend_delivers(wici: Installation, mail: Taken, secret: str = MAIL_CALLBACK) -> int:
    """Resend reports `email.delivered` under Svix's signature; the status of the answer."""
    now = SystemClock().real()
    tags = {"wici": mail.send_key}
    data: dict[str, Any] = {"email_id": f"re-{mail.send_key}", "to": [mail.to], "tags": tags}
    body = json.dumps({"type": "email.delivered", "created_at": now.isoformat(), "data": data})
    name = f"msg_{mail.send_key}"
    signature = Webhook(secret).sign(name, now, body)
    headers = {"svix-id": name, "svix-timestamp": str(int(now.timestamp())), "svix-signature": signature}
    return status(f"{wici.notifier}/callbacks/main", body.encode(), headers)


def sendgrid_delivers(wici: Installation, mail: Taken) -> int:
    """SendGrid reports `delivered` under its ECDSA signature; the status of the answer."""
    at = str(int(SystemClock().real().timestamp()))
    report = {"event": "delivered", "email": mail.to, "timestamp": int(at), "wici": mail.send_key}
    body = json.dumps([report | {"sg_event_id": f"event-{mail.send_key}"}]).encode()
    signature = base64.b64encode(_SENDGRID.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    prefix = "X-Twilio-Email-Event-Webhook-"
    headers = {f"{prefix}Signature": signature, f"{prefix}Timestamp": at}
    return status(f"{wici.notifier}/callbacks/main", body, headers)


def smsapi_delivers(wici: Installation, text: Taken, token: str = SECRETS["SMS_CALLBACK"]) -> int:
    """SMSAPI reports `DELIVERED` by GET, to an address that nobody else knows; the status of the answer."""
    report = {
        "MsgId": "m-1",
        "idx": text.key or "",
        "status_name": "DELIVERED",
        "status": "404",
        "donedate": "1795341600",
    }
    return status(f"{wici.notifier}/callbacks/pl/{token}?{urllib.parse.urlencode(report)}")
