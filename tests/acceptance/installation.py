"""wici as real processes, embedded (`wici up`) or apart (`wici run …`), over a workspace with played providers."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from services.kit.clock import monotonic
from services.kit.dev.files import free_port
from services.kit.dev.leash import Leash

KEY = "backend-key-0123456789abcdef0123456789"
MAIL_CALLBACK = "whsec_" + base64.b64encode(b"a-webhook-secret-of-32-characters").decode()
SECRETS = {
    "BACKEND_KEY": KEY,
    "MAIL_KEY": "mail-key",
    "MAIL_CALLBACK": MAIL_CALLBACK,
    "SMS_TOKEN": "sms-token",
    "SMS_CALLBACK": "sms-callback-token",
}
SERVICES = ("gateway", "trigger-engine", "notifier")

WICI_YAML = """\
shop: {{name: Sklep Próbny, url: "https://sklep.example", locale: pl, currency: PLN, time_zone: Europe/Warsaw,
       address: "ul. Prosta 1, Warszawa"}}
sources:
  backend: {{storefront: http, keys: [$BACKEND_KEY]}}
providers:
  email: [{{name: main, provider: resend, api_key: $MAIL_KEY, callback_key: $MAIL_CALLBACK, base_url: "{sink}"}}]
  sms:
    - {{name: pl, provider: smsapi, token: $SMS_TOKEN, from: Sklep, callback_token: $SMS_CALLBACK, base_url: "{sink}"}}
policies:
  derive: {{cart.abandoned: 45 minutes}}
"""
THANKS = """\
journey: thanks
enter: {on: order.first_placed}
class: marketing
steps:
  - {send: thanks, via: {all: [email, sms]}}
"""
CART = """\
journey: cart
enter: {on: cart.abandoned, if: event.cart.total >= 100}
exit: {on: order.placed}
class: marketing
steps:
  - {send: cart, via: email}
"""
MAIL = """\
---
subject: "SUBJECT, {{ profile.first_name }}!"
from: "Sklep <sklep@sklep.example>"
---
<mjml><mj-body><mj-section><mj-column>
<mj-text>GREETING</mj-text>
<mj-text><a href="{{ links.unsubscribe }}">Wypisz · Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def write_workspace(folder: Path, sink: str) -> Path:
    """A small workspace whose accounts lead to the played providers at `sink`."""
    files = {
        "wici.yaml": WICI_YAML.format(sink=sink),
        "journeys/thanks.yaml": THANKS,
        "journeys/cart.yaml": CART,
        "templates/thanks/pl/email.mjml": mail("Dziękujemy", "Zażółć gęślą jaźń."),
        "templates/thanks/en/email.mjml": mail("Thank you", "Fare well."),
        "templates/thanks/pl/sms.txt": "Dziękujemy {{ profile.first_name }}! Sklep\n",
        "templates/thanks/en/sms.txt": "Thank you {{ profile.first_name }}! The shop\n",
        "templates/cart/pl/email.mjml": mail("Koszyk czeka", "Zażółć gęślą jaźń."),
        "templates/cart/en/email.mjml": mail("Your cart waits", "Fare well."),
    }
    return write_files(folder, files)


def mail(subject: str, greeting: str) -> str:
    """An e-mail template."""
    return MAIL.replace("SUBJECT", subject).replace("GREETING", greeting)


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by their names inside `folder`; return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


class Installation:
    """The processes of one installation; all are ended when it is left."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._leashes: dict[str, Leash] = {}
        outside = {name: value for name, value in os.environ.items() if not name.startswith("WICI_")}
        self.environ = {
            **outside,
            **SECRETS,
            "WICI_WORKSPACE": str(folder / "workspace"),
            "WICI_DATA": str(folder / "data"),
            "WICI_SECRET_KEY": "a-secret-key-of-more-than-thirty-two-characters",
            "WICI_LOG": "json",
            "WICI_CLOCK": "movable",
            "WICI_PORT": str(self.port),
            **environ,
        }
        self.gateway = self.notifier = self.engine = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name, signal.SIGTERM)

    def command(self, *typed: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        line = [sys.executable, "-m", "services.cli.main", *typed]
        return subprocess.run(line, env=self.environ, capture_output=True, text=True, check=False, timeout=600)

    def start(self, *typed: str, name: str = "", **environ: str) -> subprocess.Popen[bytes]:
        """Start a process that stays, known by `name`, by default its last word."""
        name = name or typed[-1]
        line = [sys.executable, "-m", "services.cli.main", *typed]
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(line, env=self.environ | environ, stdout=log, stderr=log, start_new_session=True)
        self.processes[name], self._leashes[name] = process, Leash(process.pid)
        return process

    def run(self, service: str, *, name: str = "", **environ: str) -> subprocess.Popen[bytes]:
        """Start a service by itself, at the port that it had before."""
        port = self.ports.setdefault(name or service, free_port())
        return self.start("run", service, name=name, WICI_PORT=str(port), **environ)

    def start_apart(self) -> None:
        """Migrate, publish, and start each service by itself."""
        for typed in (["migrate"], ["apply", "--yes"]):
            done = self.command(*typed)
            assert done.returncode == 0, done.stdout + done.stderr
        self.ports = {name: free_port() for name in SERVICES}
        self.gateway, self.engine, self.notifier = (f"http://127.0.0.1:{port}" for port in self.ports.values())
        self.environ["WICI_PUBLIC_URL"] = self.notifier
        for name in SERVICES:
            self.run(name)

    def end(self, name: str, how: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """End a process by a signal; return its exit code."""
        self._leashes.pop(name).release()
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def log(self, name: str) -> Path:
        """Where the output of a process goes."""
        return self.folder / f"{name}.log"

    def wait_until_ready(self, seconds: float = 90) -> None:
        """Wait until every address says that it is ready; fail with the logs if a process ends or time runs out."""
        deadline = monotonic() + seconds
        for address in sorted({self.gateway, self.engine, self.notifier}):
            while not self.is_ready(address):
                ended = [name for name, process in self.processes.items() if process.poll() is not None]
                said = "".join(self.log(name).read_text()[-2000:] for name in self.processes)
                assert not ended, f"{ended} ended: {said}"
                assert monotonic() < deadline, f"{address} is not ready: {said}"
                time.sleep(0.05)

    def is_ready(self, address: str) -> bool:
        """Whether the process at this address says that it is ready."""
        return status(f"{address}/readyz") == 200

    def post(self, *events: dict[str, Any], key: str = KEY) -> int:
        """Post events as one batch; return the status."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
        return status(f"{self.gateway}/v1/events", json.dumps(events).encode(), headers)


def status(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    """The status that a request gets; 0 when nobody answers."""
    request = urllib.request.Request(url, body, headers or {})  # noqa: S310 -- loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            code: int = answer.status
            return code
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def phone(customer: str) -> str:
    """A number of the customer's own."""
    return f"+4860{zlib.crc32(customer.encode()) % 10_000_000:07}"


def event(kind: str, customer: str, *, locale: str = "pl", **data: Any) -> dict[str, Any]:
    """An event of a customer who agreed to everything."""
    consent = {"state": "subscribed", "at": "2026-11-20T10:00:00Z", "source": "form"}
    known = {
        "id": customer,
        "email": f"{customer}@example.com",
        "phone": phone(customer),
        "first_name": "Łucja",
        "locale": locale,
        "consents": {"email": consent, "sms": consent},
    }
    return {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "backend",
        "type": kind,
        "subject": customer,
        "time": datetime.now(UTC).isoformat(),
        "data": {"customer": known, **data},
    }


def order(customer: str, cart_id: str | None = None, locale: str = "pl") -> dict[str, Any]:
    """An order for 249.90 PLN."""
    bought = {"id": f"o-{customer}", "total": "249.90", "currency": "PLN", "items": []}
    return event("order.placed", customer, locale=locale, order=bought | ({"cart_id": cart_id} if cart_id else {}))


def cart(customer: str, locale: str = "pl") -> dict[str, Any]:
    """A cart worth 150 PLN."""
    filled = {"id": f"k-{customer}", "total": "150.00", "currency": "PLN", "items": []}
    return event("cart.updated", customer, locale=locale, cart=filled)
