"""A workspace that is right, to be written down with one thing changed."""

from __future__ import annotations

from pathlib import Path

from services.cli.workspace.findings import Finding
from services.cli.workspace.load import Loaded, load

SETTINGS = """\
shop: {name: Sklep, url: "https://sklep.example", locale: pl, currency: PLN, time_zone: Europe/Warsaw}
sources:
  backend: {storefront: http, keys: [$BACKEND_KEY]}
providers:
  email: [{name: main, provider: mailbox}]
  sms: [{name: text, provider: mailbox}]
"""
JOURNEY = """\
journey: hello
enter: {on: order.placed, again: always, key: event.order.id}
class: transactional
steps:
  - send: hello
    via: email
"""
MAIL = """\
---
subject: "Dziękujemy{% if profile.first_name %}, {{ profile.first_name }}{% endif %}!"
from: "Sklep <sklep@sklep.example>"
---
<mjml><mj-body><mj-section><mj-column><mj-text>Zażółć gęślą jaźń.</mj-text></mj-column></mj-section></mj-body></mjml>
"""
FILES: dict[str, str] = {
    "wici.yaml": SETTINGS,
    "journeys/hello.yaml": JOURNEY,
    "templates/hello/pl/email.mjml": MAIL,
    "templates/hello/pl/sms.txt": "Dziękujemy! Sklep\n",
}


def write(home: Path, changed: dict[str, str | bytes]) -> Path:
    """The workspace with some files changed or added."""
    for name, text in {**FILES, **changed}.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return home


def loaded(home: Path, changed: dict[str, str | bytes] | None = None) -> Loaded:
    """The workspace, loaded."""
    return load(write(home, changed or {}))


def journey(home: Path, text: str) -> list[Finding]:
    """What is found with another journey."""
    return loaded(home, {"journeys/hello.yaml": text}).findings


def steps(home: Path, text: str) -> list[Finding]:
    """What is found with other steps (written from the left margin on)."""
    head = JOURNEY[: JOURNEY.index("  - send")]
    return journey(home, head + "".join(f"  {line}\n" for line in text.splitlines()))


def settings(home: Path, old: str, new: str) -> list[Finding]:
    """What is found with one part of wici.yaml replaced."""
    assert old in SETTINGS
    return loaded(home, {"wici.yaml": SETTINGS.replace(old, new)}).findings


def the(findings: list[Finding]) -> Finding:
    """The only finding."""
    assert len(findings) == 1, [finding.render() for finding in findings]
    return findings[0]


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    """Place and rule of every finding."""
    return [(finding.place, finding.rule) for finding in findings]
