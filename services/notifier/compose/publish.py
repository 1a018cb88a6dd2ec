"""From the files of one template in one locale to what is stored and rendered: checked, compiled, with a digest.

Everything that can be wrong with a template is found here, where its author sees it, and not at a customer's message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec
from jinja2 import nodes

from services.contracts.workspace import EmailTemplate, Template
from services.notifier.compose import front_matter, markup, plain_text
from services.notifier.compose.errors import LanguageError, TemplateError
from services.notifier.compose.front_matter import Document, Value
from services.notifier.compose.headers import address_of
from services.notifier.compose.language import ROOTS
from services.notifier.compose.placeholders import Protected, protect
from services.notifier.compose.reads import reads, shortest
from services.notifier.compose.sandbox import HTML, TEXT, Sandbox

MAX_FILE = 200_000  # characters
KINDS = frozenset({"offer", "content", "service"})
_KEYS = {"email.mjml": frozenset({"subject", "preheader", "from", "kind"}), "email.txt": frozenset[str](),
         "sms.txt": frozenset({"kind"})}  # fmt: skip
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_LATER = {"email.md": "write email.mjml", "onsite.html": "write email.mjml or sms.txt"}


def compile_template(name: str, locale: str, files: Mapping[str, str]) -> Template:
    """One template in one locale (BCP 47), ready to render. `files` maps file names to their text.

    Files are `email.mjml`, `email.txt` (else made from the MJML) and `sms.txt`. `digest` is the sha256, in hex, of
    everything else in the result; the same files give the same digest. Raises TemplateError: file, line, column.
    """
    if not _LOCALE.fullmatch(locale):
        raise TemplateError(name, f"`{locale}` is not a locale", hint="name the folder like pl or pl-PL")
    parts = {file: _document(file, text) for file, text in files.items()}
    if "email.mjml" not in parts and "sms.txt" not in parts:
        wanted = "email.txt" if "email.txt" in parts else name
        raise TemplateError(wanted, "nothing to send", hint="write email.mjml or sms.txt beside it")
    trees: list[nodes.Template] = []
    email = _email(parts["email.mjml"], parts.get("email.txt"), locale, trees) if "email.mjml" in parts else None
    sms = _sms(parts["sms.txt"], trees) if "sms.txt" in parts else None
    template = Template(
        name=name,
        locale=locale,
        digest="",
        email=email,
        sms=sms,
        kind=_kind(parts),
        reads=shortest(path for tree in trees for path in reads(tree, ROOTS)),
    )
    return msgspec.structs.replace(template, digest=sha256(msgspec.json.encode(template)).hexdigest())


def _document(file: str, text: str) -> Document:
    if file in _LATER:
        raise TemplateError(file, f"{file} is not supported yet", hint=_LATER[file])
    if file not in _KEYS:
        raise TemplateError(file, "not a file of a template", hint="known: " + ", ".join(_KEYS))
    if len(text) > MAX_FILE:
        raise TemplateError(file, f"longer than {MAX_FILE} characters", hint="images belong on a server, not inside")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise TemplateError(file, "not UTF-8", hint="save the file as UTF-8")
    if "\0" in text:
        raise TemplateError(file, "holds a NUL character", line=text.count("\n", 0, text.index("\0")) + 1)
    return front_matter.split(file, text, _KEYS[file])


def _email(document: Document, text: Document | None, locale: str, trees: list[nodes.Template]) -> EmailTemplate:
    file = "email.mjml"
    values = document.values
    if "subject" not in values or not values["subject"].text.strip():
        raise TemplateError(file, "an e-mail needs a subject", hint='begin the file with ---, subject: "…", ---')
    subject = _source(file, TEXT, values["subject"].text, values["subject"].line, trees)
    sender = _sender(file, values["from"], trees) if "from" in values else None
    _source(file, HTML, document.body, document.first_line, trees)
    preheader = _preheader(file, values.get("preheader"), trees)
    page = markup.compile_mjml(file, document.body, document.first_line, locale, preheader)
    _unchanged(file, HTML, page, document.first_line)
    if text is not None:
        words = _source("email.txt", TEXT, text.body, text.first_line, trees)
    else:
        words = plain_text.plain_text(protect(document.body))
        _unchanged(file, TEXT, words, document.first_line)
    above = values.get("preheader")
    return EmailTemplate(subject, page, words, sender, above.text if above else None)


def _source(file: str, sandbox: Sandbox, source: str, line: int, trees: list[nodes.Template]) -> str:
    """Check a Jinja source that begins at `line` of its file, and collect its tree."""
    try:
        trees.append(sandbox.parsed(source))
        sandbox.program(source)
    except LanguageError as error:
        raise _located(file, source, line, error) from None
    return source


def _located(file: str, source: str, first_line: int, error: LanguageError) -> TemplateError:
    """The error with its place in the file; the column is where the first tag of that line begins."""
    lines = source.split("\n")
    text = lines[error.line - 1] if 0 < error.line <= len(lines) else ""
    tag = re.search(r"\{[{%#]", text)
    column = tag.start() + 1 if tag else 1
    return TemplateError(file, error.message, line=first_line + error.line - 1, column=column, hint=error.hint)


def _unchanged(file: str, sandbox: Sandbox, source: str, line: int) -> None:
    """What was made of a checked source must still be a template."""
    try:
        sandbox.program(source)
    except LanguageError as error:
        what = "HTML" if sandbox is HTML else "text"
        hint = "put whole {% if %} and {% for %} blocks into one text" + (
            "" if sandbox is HTML else ", or add email.txt"
        )
        raise TemplateError(file, f"the {what} made of it is broken: {error.message}", line=line, hint=hint) from None


def _preheader(file: str, value: Value | None, trees: list[nodes.Template]) -> Protected | None:
    """The line that a mail client shows beside the subject, as HTML."""
    if value is None:
        return None
    _source(file, HTML, value.text, value.line, trees)
    protected = protect(value.text)
    return protected._replace(text=html.escape(protected.text, quote=False))


def _sender(file: str, value: Value, trees: list[nodes.Template]) -> str:
    source = _source(file, TEXT, value.text, value.line, trees)
    if address_of(protect(source).text) is None:
        raise TemplateError(file, f"`from` is not one address: {source}", line=value.line, hint="Sklep <sklep@shop.pl>")
    return source


def _sms(document: Document, trees: list[nodes.Template]) -> str:
    if not document.body.strip():
        raise TemplateError("sms.txt", "an SMS without words", line=document.first_line)
    return _source("sms.txt", TEXT, document.body.strip(), document.first_line, trees)


def _kind(parts: Mapping[str, Document]) -> str | None:
    stated = [(file, part.values["kind"]) for file, part in sorted(parts.items()) if "kind" in part.values]
    for file, kind in stated:
        if kind.text not in KINDS:
            raise TemplateError(file, f"unknown kind `{kind.text}`", line=kind.line, hint=_listed(KINDS))
        if kind.text != stated[0][1].text:
            raise TemplateError(file, f"`kind` differs from that of {stated[0][0]}", line=kind.line)
    return stated[0][1].text if stated else None


def _listed(words: Iterable[str]) -> str:
    return "write one of: " + ", ".join(sorted(words))
