"""First names: made presentable, known as a woman's or a man's, and called (the Polish vocative).

Whatever a form holds comes here ("ANNA MARIA", "Firma XYZ sp. z o.o.", "test"). What is no name becomes nothing, and a
name that is not in the table is never bent: a wrong form offends, the nominative does not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from services.notifier.compose.first_names import TABLE

Gender = Literal["female", "male"]
LONGEST = 30  # characters of one name
_WORD = re.compile("[^\\W\\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\\W\\d_]+)*")
_TITLES = frozenset({
    "pan", "pani", "p", "mr", "mrs", "ms", "miss", "dr", "inż", "inz", "mgr", "prof", "hab", "ks", "lek",
    "sir", "madam",
})  # fmt: skip
_COMPANY = frozenset({
    "sp", "spzoo", "zoo", "sa", "s.a", "s.c", "sc", "firma", "sklep", "spółka", "spolka", "hurtownia",
    "przedsiębiorstwo", "przedsiebiorstwo", "phu", "fhu", "zakład", "zaklad", "usługi", "uslugi", "fundacja",
    "stowarzyszenie", "biuro",
    "gmina", "urząd", "szkoła", "ltd", "llc", "inc", "gmbh", "company", "corp", "limited", "shop", "store", "office",
})  # fmt: skip
_NO_NAME = frozenset({
    "test", "tests", "testing", "tester", "testowy", "testowa", "testowe", "demo", "asd", "asdf", "asdasd", "qwe",
    "qwerty", "qwer", "zxc", "abc", "xyz", "admin", "administrator", "root", "user", "klient", "klientka", "customer",
    "client", "guest", "gość", "gosc", "brak", "none", "null", "nil", "undefined", "unknown", "nieznany",
    "nieznane", "anonim", "anonymous", "imię", "imie", "nazwisko", "name", "firstname", "first", "lastname", "nie",
    "no", "yes", "tak", "na", "xd", "lol", "foo", "foobar", "info", "kontakt", "zamówienie",
})  # fmt: skip
_SLAVIC: tuple[tuple[str, str, Gender], ...] = (("sława", "sławo", "female"), ("sław", "sławie", "male"))
_MARKS = str.maketrans("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ")


class Known(NamedTuple):
    """A name of the table: whose it is, how it is called, and how after Pani or Pan."""

    gender: Gender
    vocative: str
    formal: str


@lru_cache(maxsize=16_384)
def first_name(text: str) -> str:
    """The first name in what somebody typed, as one writes it; empty where there is none.

    "ANNA MARIA" gives Anna, "pan jan kowalski" Jan; companies, tests, initials, addresses and digits give nothing.
    """
    text = unicodedata.normalize("NFC", text[:200]).strip()
    if any(c.isdigit() or c in "@/\\<>{}[]|=_&+%#" for c in text):
        return ""
    words = [word.strip(".,;:!?()\"'„”").casefold() for word in text.split()]
    if any(word in _COMPANY or (word in _NO_NAME and len(words) == 1) for word in words) or "test" in words[:1]:
        return ""
    for written, word in zip(text.split(), words, strict=True):
        if word and word not in _TITLES and len(word) > 1:
            return _presentable(written.strip(".,;:!?()\"'„”"), word)
    return ""


def _presentable(written: str, word: str) -> str:
    plausible = _WORD.fullmatch(written) and len(written) <= LONGEST and len(set(word)) > 1 and word not in _NO_NAME
    if not plausible or (len(word) > 2 and _without_vowel(word)):
        return ""
    if written.isupper() or written.islower():
        return re.sub(r"[^\W\d_]+", lambda part: part[0].capitalize(), written)
    return written[0].upper() + written[1:]


def _without_vowel(word: str) -> bool:
    letters = unicodedata.normalize("NFD", word)
    latin = all(unicodedata.name(c, "").startswith(("LATIN", "COMBINING")) for c in letters if c.isalpha())
    return latin and not any(c in "aeiouyøæœ\N{LATIN SMALL LETTER DOTLESS I}" for c in letters)


def known(name: str) -> Known | None:
    """What the table says of a presentable first name; also typed without Polish marks (Lukasz, Malgorzata)."""
    found = _names().get(name.casefold())
    if found is None and len(name) > 5:
        for ending, called, gender in _SLAVIC:
            if name.endswith(ending):
                form = name[: -len(ending)] + called
                return Known(gender, form, form)
    return found


def gender_of(name: str, stated: object = None) -> Gender | None:
    """Whose the name is: what the profile states (`female`, `male`), else the table; None where neither knows."""
    if stated in ("female", "male"):
        return stated
    found = known(name) if name else None
    return found.gender if found else None


def vocative(name: str, *, formal: bool = False) -> str:
    """The form in which a presentable name is called in Polish; the name itself where the table does not know it."""
    found = known(name) if name else None
    if found is None:
        return name
    return found.formal if formal else found.vocative


@lru_cache(maxsize=1)
def _names() -> dict[str, Known]:
    names: dict[str, Known] = {}
    for line in TABLE.strip().splitlines():
        rule, _, listed = line.partition(": ")
        kind, ending, _, called = rule.split()
        for word in listed.split():
            name, _, form = word.partition(">")
            usual, _, formal = (form or _bent(name, ending, called)).partition("/")
            names[name.casefold()] = Known("female" if kind == "f" else "male", usual, formal or usual)
    plain = {name.translate(_MARKS): Known(k.gender, k.vocative.translate(_MARKS), k.formal.translate(_MARKS))
             for name, k in names.items()}  # fmt: skip
    return plain | names


def _bent(name: str, ending: str, called: str) -> str:
    stem = name.removesuffix(ending) if ending != "-" else name
    return stem + (called if called != "-" else "")
