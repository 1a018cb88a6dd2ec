"""How a message speaks: to whom, and in which language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.cli.workspace.findings import Place, short
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.rules.prose import anywhere, in_prose
from services.cli.workspace.rules.whole import Whole

_TEXT = r"(?:\"[^\"]*\"|'[^']*')"
_TWO_FORMS = re.compile(rf"\bgendered\(\s*{_TEXT}\s*,\s*{_TEXT}\s*\)")
# Verbs of the second person, in the past and the conditional, and "should": one form for a man, one for a woman.
_POLISH = re.compile(
    r"(?<!\w)\w{2,}(?:łeś|łaś|łbyś|łabyś)(?:/\w+)?(?!\w)|(?<!\w)powin(?:ieneś|naś)(?!\w)", re.IGNORECASE
)
_SUBJECT = re.compile(r"^subject:[ \t]*(.+)$", re.MULTILINE)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_WORDS = re.compile(r"[^\W\d_]{2,}")


def gendered(whole: Whole) -> None:
    """Words for a man or a woman, said to somebody of whom neither is known."""
    for folder in whole.templates.values():
        for locale, _, files in whole.editions(folder):
            for found in anywhere(files, _TWO_FORMS):
                message = "who is not known to be a man or a woman reads both forms with a stroke between them"
                hint = 'add a neutral form: gendered("dołączyłeś", "dołączyłaś", "jesteś z nami")'
                found.sheet.warning(found.at, "gendered", message, hint)
            for found in in_prose(files, _POLISH) if _language(locale) == "pl" else ():
                message = f"{short(found.text)} is said to a man or to a woman, whoever reads it"
                hint = 'write it neutrally, or {{ gendered("zrobiłeś", "zrobiłaś", "masz za sobą") }}'
                found.sheet.warning(found.at, "gendered", message, hint)


def untranslated(whole: Whole) -> None:
    """A subject that is letter for letter the same in two languages."""
    for folder in whole.templates.values():
        seen: dict[str, str] = {}
        for locale, _, files in whole.editions(folder):
            found = _subject(files)
            if found is None:
                continue
            sheet, at, text = found
            other = seen.setdefault(text, locale)
            if _language(other) != _language(locale):
                message = f"the subject is the same as in {other}, letter for letter"
                sheet.warning(at, "untranslated", message, f"write it in {locale}")


def _subject(files: Mapping[str, Sheet]) -> tuple[Sheet, Place, str] | None:
    """A mail's subject, if it has words of its own."""
    for found in anywhere({name: sheet for name, sheet in files.items() if name.startswith("email.")}, _SUBJECT):
        text = found.text.partition(":")[2].strip().strip("\"'")
        if len(_WORDS.findall(_TAG.sub(" ", text))) > 1:
            return found.sheet, found.at, text
    return None


def _language(locale: str) -> str:
    return locale.replace("_", "-").partition("-")[0].lower()


RULES = (gendered, untranslated)
