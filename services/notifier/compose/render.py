"""A published template and a message's data make a mail or an SMS. Pure; the compiled programs are cached."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from jinja2 import Template as Program

from services.contracts.workspace import Template
from services.notifier.compose.errors import LanguageError, RenderError
from services.notifier.compose.filters import STATE, Rendering
from services.notifier.compose.headers import address_of, one_line
from services.notifier.compose.sandbox import HTML, TEXT, Sandbox, run
from services.notifier.compose.sms import Encoding, encoding_of, segments, transliterate, with_plain_blanks

MAX_HTML = 500_000  # characters
MAX_TEXT = 100_000
MAX_SUBJECT = 500
MAX_SEGMENTS = 10
MAX_SMS = MAX_SEGMENTS * 153
_CACHED = 2_000
_BLANK_LINES = re.compile(r"\n{3,}")


class Audience(NamedTuple):
    """For whom words and numbers are written: BCP 47 locale, ISO 4217 currency, IANA time zone."""

    locale: str
    currency: str
    time_zone: str


class RenderedEmail(NamedTuple):
    """A mail's parts. `sender` is the template's own From, None where it names none."""

    subject: str
    html: str
    text: str
    sender: str | None


class RenderedSms(NamedTuple):
    """An SMS, the parts it takes and how it is encoded."""

    text: str
    segments: int
    encoding: Encoding


class _Programs:
    """Compiled sources by template digest and part; the least recently used leave first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Program] = OrderedDict()

    def get(self, template: Template, part: str, sandbox: Sandbox, source: str) -> Program:
        key = (template.digest, part)
        program = self._kept.get(key)
        if program is None:
            try:
                program = sandbox.program(source)
            except LanguageError as error:
                raise RenderError(f"template {template.name}, {part}: {error.message}") from None
            self._kept[key] = program
            if len(self._kept) > _CACHED:
                self._kept.popitem(last=False)
        return program


_PROGRAMS = _Programs()


class _Pass(NamedTuple):
    """One rendering of one template: its parts share data, and each has steps of its own."""

    template: Template
    context: Mapping[str, Any]
    audience: Audience

    def part(self, name: str, sandbox: Sandbox, source: str, limit: int) -> str:
        if "{" not in source:
            return source
        variables = {**self.context, STATE: Rendering(*self.audience)}
        program = _PROGRAMS.get(self.template, name, sandbox, source)
        return run(program, variables, limit, f"template {self.template.name}, {name}")


def render_email(template: Template, context: Mapping[str, Any], audience: Audience) -> RenderedEmail:
    """Subject, HTML and text for one customer. `context` maps the template's variables to plain data.

    Raises RenderError: no e-mail in the template, a limit exceeded, a value of the wrong kind, an empty subject.
    """
    mail = template.email
    if mail is None:
        raise RenderError(f"template {template.name} has no e-mail in locale {template.locale}; write email.mjml")
    render = _Pass(template, context, audience).part
    subject = one_line(render("subject", TEXT, mail.subject, MAX_SUBJECT))
    if not subject:
        raise RenderError(f"template {template.name}: the subject came out empty")
    html = render("html", HTML, mail.html, MAX_HTML)
    text = _closed_up(render("text", TEXT, mail.text, MAX_TEXT)) + "\n"
    sender = None
    if mail.sender is not None:
        sender = one_line(render("from", TEXT, mail.sender, MAX_SUBJECT))
        if address_of(sender) is None:
            raise RenderError(f"template {template.name}: `from` did not come out as one address")
    return RenderedEmail(subject, html, text, sender)


def render_sms(
    template: Template, context: Mapping[str, Any], audience: Audience, *, plain: bool = False, closing: str = "",
    unless: str = "",
) -> RenderedSms:  # fmt: skip
    """The SMS for one customer, in GSM 7-bit only where `plain` or the template asks for it. Raises RenderError.

    `closing` is its last line, unless it shows the text `unless`, or the closing itself, already.
    """
    if template.sms is None:
        raise RenderError(f"template {template.name} has no SMS in locale {template.locale}; write sms.txt")
    words = _Pass(template, context, audience).part("sms", TEXT, template.sms, MAX_SMS)
    text = _closed_up(with_plain_blanks(words))
    if closing and closing not in text and not (unless and unless in text):
        text = f"{text}\n{closing}"
    if plain if template.plain_sms is None else template.plain_sms:
        text = transliterate(text).strip()
    parts = segments(text)
    if not 0 < parts <= MAX_SEGMENTS:
        raise RenderError(f"template {template.name}: the SMS takes {parts} parts; 1 to {MAX_SEGMENTS} are allowed")
    return RenderedSms(text, parts, encoding_of(text))


def _closed_up(text: str) -> str:
    """`text` without blank lines at its ends, and with one where there are several."""
    # Looking for the characters is ten times as fast as the expression, and few texts have them.
    return (_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()
