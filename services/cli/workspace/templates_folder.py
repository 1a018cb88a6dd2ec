"""`templates/<name>/<locale>/…` → compiled templates; files directly in `templates/<name>/` mean the shop's locale."""

from __future__ import annotations

from services.cli.workspace.files import Files
from services.cli.workspace.findings import Place
from services.cli.workspace.surroundings import TemplateFolder
from services.contracts.message import Channel
from services.contracts.workspace import Template
from services.notifier.compose.errors import TemplateError
from services.notifier.compose.publish import compile_template

FOLDER = "templates"
TEXTS = (".mjml", ".txt", ".md", ".html")


def read_templates(files: Files, shop_locale: str) -> dict[str, TemplateFolder]:
    """Every template by name, with what compiled of it. Folders that begin with _ hold shared parts."""
    found = {}
    for name in files.list(FOLDER, folders=True):
        if not name.startswith("_"):
            found[name] = _template(files, name, shop_locale)
    return found


def _template(files: Files, name: str, shop_locale: str) -> TemplateFolder:
    home = f"{FOLDER}/{name}"
    places = {locale: f"{home}/{locale}" for locale in files.list(home, folders=True)}
    if any(file.endswith(TEXTS) for file in files.list(home)):
        if shop_locale in places:
            hint = f"move them into {home}/{shop_locale}/"
            files.sheet(home).error(None, "duplicate-name", f"two places hold the texts for {shop_locale}", hint)
        places.setdefault(shop_locale, home)
    if not places:
        hint = "write email.mjml or sms.txt into it"
        files.sheet(home).error(None, "missing-file", "the template has no texts", hint)
    channels: dict[str, frozenset[Channel]] = {}
    compiled: dict[str, Template] = {}
    for locale, place in places.items():
        names = [file for file in files.list(place) if file.endswith(TEXTS)]
        channels[locale] = _channels(names)
        template = _compiled(files, name, locale, place, names)
        if template:
            compiled[locale] = template
    return TemplateFolder(name, channels, compiled)


def _channels(names: list[str]) -> frozenset[Channel]:
    spoken: dict[str, Channel] = {"email.mjml": "email", "sms.txt": "sms"}
    return frozenset(spoken[name] for name in names if name in spoken)


def _compiled(files: Files, name: str, locale: str, place: str, names: list[str]) -> Template | None:
    sheets = {file: files.read(f"{place}/{file}") for file in names}
    texts = {file: sheet.text for file, sheet in sheets.items() if sheet}
    if len(texts) != len(names):
        return None
    try:
        return compile_template(name, locale, texts)
    except TemplateError as error:
        sheet = sheets.get(error.file)
        at = Place(error.line, error.column) if sheet else None
        (sheet or files.sheet(place)).error(at, "template", error.message, error.hint)
        return None
