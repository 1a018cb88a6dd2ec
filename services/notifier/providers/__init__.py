"""Every provider that wici speaks to, one file each. `docs/adding-a-provider.md` says how to add one."""

from __future__ import annotations

from typing import Any

from services.notifier.providers import mailbox, resend, sendgrid, smsapi, smtp, twilio
from services.notifier.providers.base import Provider

PROVIDERS: dict[str, Provider[Any]] = {
    "resend": resend.PROVIDER,
    "sendgrid": sendgrid.PROVIDER,
    "smsapi": smsapi.PROVIDER,
    "smtp": smtp.PROVIDER,
    "twilio": twilio.PROVIDER,
    "mailbox": mailbox.PROVIDER,
}
"""By the name that `provider:` bears in `wici.yaml`."""
