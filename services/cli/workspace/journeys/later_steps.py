"""Steps that are written ahead: their words are read and checked, and a warning says that nothing is done yet."""

from __future__ import annotations

from collections.abc import Iterable

from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.surroundings import Surroundings
from services.contracts.journey import Coupon, Later, Onsite, Points, Survey
from services.contracts.message import Channel

POOLS_FILE, SURVEYS_FILE = "coupons.yaml", "surveys.yaml"
PASSED_OVER = "it is published, and passed over with the reason no_engine"


def read_later(row: Row, name: str, via: tuple[tuple[Channel, ...], bool], sheet: Sheet, around: Surroundings) -> Later:
    """The step of this id; `via` are its channels, where it has some."""
    word = row.word
    sheet.warning(row.key_at(word), "not-yet-applied", f"'{word}' is not applied in this version", PASSED_OVER)
    if word == "survey":
        _known(row, "survey", around.surveys, ("unknown-survey", SURVEYS_FILE), sheet)
        return Survey(name, row.text("survey"), *via)
    said = row.row(word) or row
    if word == "coupon":
        _known(said, "pool", around.pools, ("unknown-pool", POOLS_FILE), sheet)
        return Coupon(name, said.text("pool"), said.number("valid"))
    if word == "points":
        return Points(name, int(said.number("give") or 1), said.text("for"))
    return Onsite(name, row.text("onsite"))


def later_otherwise(row: Row, sheet: Sheet) -> None:
    """`otherwise: onsite` says nothing yet."""
    if row.text("otherwise") == "onsite":
        message, hint = "'onsite' is not applied in this version", "it is published, and means skip for now"
        sheet.warning(row.at("otherwise"), "not-yet-applied", message, hint)


def _known(row: Row, key: str, names: Iterable[str] | None, what: tuple[str, str], sheet: Sheet) -> None:
    name, (rule, file) = row.text(key), what
    if not name or names is None or name in names:
        return
    hint = write_instead(name, names, f"{key}s are") or f"write it into {file}"
    sheet.error(row.at(key), rule, f"there is no {key} {short(name)}", hint)
