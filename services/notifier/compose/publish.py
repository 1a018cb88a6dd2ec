"""From the files of one template in one locale to what is stored and rendered: checked, compiled, with a digest.

Everything that can be wrong with a template is found here, where its author sees it, and not at a customer's message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

import msgspec
from jinja2 import nodes

from services.contracts.workspace import EmailTemplate, Template
from services.notifier.compose import front_matter, markdown, markup, plain_text
from services.notifier.compose.assembly import Assembly, Piece
from services.notifier.compose.errors import LanguageError, TemplateError
from services.notifier.compose.front_matter import Document, Value
from services.notifier.compose.headers import address_of
from services.notifier.compose.language import ROOTS
from services.notifier.compose.placeholders import Protected, protect
from services.notifier.compose.reads import reads, shortest
from services.notifier.compose.sandbox import HTML, TEXT, Sandbox
from services.notifier.compose.shared import Shared, Source

MAX_FILE = 200_000  # characters
SMS_LETTERS = ("as_written", "transliterate")
KINDS = frozenset({"offer", "content", "service"})
_MAIL = frozenset({"subject", "preheader", "from", "kind"})
_KEYS = {"email.md": _MAIL | {"layout"}, "email.mjml": _MAIL, "email.txt": frozenset[str](),
         "sms.txt": frozenset({"kind", "sms"})}  # fmt: skip
MAILS = ("email.md", "email.mjml")
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_LATER = {"onsite.html": "write email.md or sms.txt"}


def compile_template(
    name: str, locale: str, files: Mapping[str, str], shared: Mapping[str, str] | None = None
) -> Template:
    """One template in one locale (BCP 47), ready to render. `files` maps file names to their text.

    Files are `email.md` or `email.mjml`, `email.txt` (else made from it) and `sms.txt`; `shared` are those of
    templates/_layouts/. `digest` is the sha256, in hex, of everything else in the result; the same files give the same
    digest. Raises TemplateError: file, line, column.

    Of a workspace that is read again, only what has changed is compiled again.
    """
    return _compiled(name, locale, tuple(sorted(files.items())), tuple(sorted((shared or {}).items())))


@lru_cache(maxsize=512)
def _compiled(
    name: str, locale: str, files: tuple[tuple[str, str], ...], shared: tuple[tuple[str, str], ...]
) -> Template:
    if not _LOCALE.fullmatch(locale):
        raise TemplateError(name, f"`{locale}` is not a locale", hint="name the folder like pl or pl-PL")
    parts = {file: _document(file, text) for file, text in files}
    mails = [file for file in MAILS if file in parts]
    if not mails and "sms.txt" not in parts:
        wanted = "email.txt" if "email.txt" in parts else name
        raise TemplateError(wanted, "nothing to send", hint="write email.md, email.mjml or sms.txt beside it")
    if len(mails) > 1:
        raise TemplateError("email.md", "email.mjml says the same mail", hint="remove one of them")
    common = Shared(dict(shared))
    trees: list[nodes.Template] = []
    email = _email(mails[0], parts, locale, common, trees) if mails else None
    sms = _sms(parts["sms.txt"], common, trees) if "sms.txt" in parts else None
    template = Template(
        name=name,
        locale=locale,
        digest="",
        email=email,
        sms=sms,
        plain_sms=_plain_sms(parts),
        kind=_kind(parts),
        reads=shortest(path for tree in trees for path in reads(tree, ROOTS)),
    )
    return msgspec.structs.replace(template, digest=sha256(msgspec.json.encode(template)).hexdigest())


def with_subject(template: Template, name: str, subject: str) -> Template:
    """The template under another name, its e-mail with another subject. Raises TemplateError."""
    assert template.email is not None  # noqa: S101 -- who calls has looked
    trees: list[nodes.Template] = []
    _source(template.name, TEXT, subject, 1, trees)
    paths = shortest([*template.reads, *(path for tree in trees for path in reads(tree, ROOTS))])
    email = msgspec.structs.replace(template.email, subject=subject)
    made = msgspec.structs.replace(template, name=name, digest="", email=email, reads=paths)
    return msgspec.structs.replace(made, digest=sha256(msgspec.json.encode(made)).hexdigest())


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


def _email(
    file: str, parts: Mapping[str, Document], locale: str, shared: Shared, trees: list[nodes.Template]
) -> EmailTemplate:
    document = parts[file]
    values = document.values
    if "subject" not in values or not values["subject"].text.strip():
        raise TemplateError(file, "an e-mail needs a subject", hint='begin the file with ---, subject: "…", ---')
    subject = _source(file, TEXT, values["subject"].text, values["subject"].line, trees)
    sender = _sender(file, values["from"], trees) if "from" in values else None
    page, words = _bodies(file, document, shared, trees)
    preheader = _preheader(file, values.get("preheader"), trees)
    with page.located(file):
        _source(file, HTML, page.text, 1, trees)
        html = markup.compile_mjml(file, page.text, 1, locale, preheader)
        _unchanged(file, HTML, html, 1)
    if "email.txt" in parts:
        text = _text("email.txt", parts["email.txt"], shared, trees)
    elif words is not None:
        with words.located(file):
            text = _source(file, TEXT, words.text, 1, trees)
    else:
        text = plain_text.plain_text(protect(page.text))
        with page.located(file):
            _unchanged(file, TEXT, text, 1)
    above = values.get("preheader")
    return EmailTemplate(subject, html, text, sender, above.text if above else None)


def _bodies(
    file: str, document: Document, shared: Shared, trees: list[nodes.Template]
) -> tuple[Assembly, Assembly | None]:
    """The whole MJML of a mail, and its text where it is written in Markdown."""
    source = Source(file, _lines(document.body), document.first_line)
    if file == "email.mjml":
        return Assembly(shared.expand(source, ".mjml")), None
    content = markdown.convert(source, shared)
    _source(file, HTML, content.checked, document.first_line, trees)
    layout = document.values.get("layout", Value("default", 1))
    page = shared.layout(layout.text, content.mjml, Piece("", file, layout.line, made=True))
    return Assembly(page), Assembly(content.text)


def _text(file: str, document: Document, shared: Shared, trees: list[nodes.Template]) -> str:
    """A text with its partials."""
    whole = Assembly(shared.expand(Source(file, _lines(document.body), document.first_line), ".txt"))
    with whole.located(file):
        return _source(file, TEXT, whole.text, 1, trees)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


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


def _sms(document: Document, shared: Shared, trees: list[nodes.Template]) -> str:
    if not document.body.strip():
        raise TemplateError("sms.txt", "an SMS without words", line=document.first_line)
    return _text("sms.txt", document, shared, trees).strip()


def _kind(parts: Mapping[str, Document]) -> str | None:
    stated = [(file, part.values["kind"]) for file, part in sorted(parts.items()) if "kind" in part.values]
    for file, kind in stated:
        if kind.text not in KINDS:
            raise TemplateError(file, f"unknown kind `{kind.text}`", line=kind.line, hint=_listed(KINDS))
        if kind.text != stated[0][1].text:
            raise TemplateError(file, f"`kind` differs from that of {stated[0][0]}", line=kind.line)
    return stated[0][1].text if stated else None


def _plain_sms(parts: Mapping[str, Document]) -> bool | None:
    stated = parts["sms.txt"].values.get("sms") if "sms.txt" in parts else None
    if stated is None:
        return None
    if stated.text not in SMS_LETTERS:
        raise TemplateError("sms.txt", f"unknown word `{stated.text}`", line=stated.line, hint=_listed(SMS_LETTERS))
    return stated.text == "transliterate"


def _listed(words: Iterable[str]) -> str:
    return "write one of: " + ", ".join(sorted(words))
