"""`templates/<name>/<locale>/…` → compiled templates; files directly in `templates/<name>/` mean the shop's locale.

`templates/_layouts/` holds what they share.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.files import Files
from services.cli.workspace.surroundings import TemplateFolder
from services.contracts.message import Channel
from services.contracts.workspace import Template
from services.notifier.compose.errors import TemplateError
from services.notifier.compose.publish import compile_template
from services.notifier.compose.shared import BRAND_FILE

FOLDER = "templates"
LAYOUTS = "_layouts"
TEXTS = (".mjml", ".txt", ".md", ".html")


def read_templates(files: Files, shop_locale: str) -> dict[str, TemplateFolder]:
    """Every template by name, with what compiled of it. Folders that begin with _ hold shared parts."""
    shared = _shared(files)
    found = {}
    for name in files.list(FOLDER, folders=True):
        if not name.startswith("_"):
            found[name] = _template(files, name, shop_locale, shared)
        elif name != LAYOUTS:
            hint = f"shared parts stand in {FOLDER}/{LAYOUTS}/"
            files.sheet(f"{FOLDER}/{name}").warning(None, "bad-name", "the folder is not read", hint)
    return found


def _shared(files: Files) -> dict[str, str]:
    home = f"{FOLDER}/{LAYOUTS}"
    names = [name for name in files.list(home) if name == BRAND_FILE or name.endswith((".mjml", ".txt"))]
    sheets = {name: files.read(f"{home}/{name}") for name in names}
    return {name: sheet.text for name, sheet in sheets.items() if sheet}


def _template(files: Files, name: str, shop_locale: str, shared: Mapping[str, str]) -> TemplateFolder:
    home = f"{FOLDER}/{name}"
    places = {locale: f"{home}/{locale}" for locale in files.list(home, folders=True)}
    if any(file.endswith(TEXTS) for file in files.list(home)):
        if shop_locale in places:
            hint = f"move them into {home}/{shop_locale}/"
            files.sheet(home).error(None, "duplicate-name", f"two places hold the texts for {shop_locale}", hint)
        places.setdefault(shop_locale, home)
    if not places:
        hint = "write email.md or sms.txt into it"
        files.sheet(home).error(None, "missing-file", "the template has no texts", hint)
    channels: dict[str, frozenset[Channel]] = {}
    compiled: dict[str, Template] = {}
    sheets = {}
    for locale, place in places.items():
        names = [file for file in files.list(place) if file.endswith(TEXTS)]
        channels[locale] = _channels(names)
        sheets[locale] = {file: files.sheet(f"{place}/{file}") for file in names}
        template = _compiled(files, name, locale, (place, names), shared)
        if template:
            compiled[locale] = template
    return TemplateFolder(name, channels, compiled, sheets)


def _channels(names: list[str]) -> frozenset[Channel]:
    spoken: dict[str, Channel] = {"email.md": "email", "email.mjml": "email", "sms.txt": "sms"}
    return frozenset(spoken[name] for name in names if name in spoken)


def _compiled(
    files: Files, name: str, locale: str, written: tuple[str, list[str]], shared: Mapping[str, str]
) -> Template | None:
    place, names = written
    sheets = {file: files.read(f"{place}/{file}") for file in names}
    texts = {file: sheet.text for file, sheet in sheets.items() if sheet}
    if len(texts) != len(names):
        return None
    try:
        return compile_template(name, locale, texts, shared)
    except TemplateError as error:
        sheet = sheets.get(error.file) or files.sheets.get(f"{FOLDER}/{error.file}")
        at = Place(error.line, error.column) if sheet else None
        message = error.message if at else f"{error.file}: {error.message}"
        (sheet or files.sheet(place)).error(at, "template", message, error.hint)
        return None
