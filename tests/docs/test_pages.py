"""What the pages point to is there: links, files, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.kit.settings import VARIABLES
from tests.docs.markdown import ROOT, anchors, blocks, links, name, pages, spans

PAGES = pages()
_TESTING = re.compile(r"WICI_TEST_[A-Z_]+")
_FILE = re.compile(r"(?:services|tests|docs|schemas|deploy|recipes|requirements|benchmarks)/[\w./-]+")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    lost = []
    for link in links(page):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = [file for span in spans(page) for file in _FILE.findall(span) if _FILE.fullmatch(span)]
    assert [file for file in named if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_setting_that_a_page_names_is_read(page: Path) -> None:
    """A reader who sets what nobody reads finds out late."""
    text = _TESTING.sub("", page.read_text(encoding="utf-8"))
    named = set(re.findall(r"\bWICI_[A-Z_]+\b", text))
    assert {one for one in named if one.removesuffix("_FILE") not in VARIABLES} <= {"WICI_TEST"}


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
    assert [name(page) for page in PAGES if page not in seen] == []


def test_the_layout_in_the_readme_is_that_of_the_repository() -> None:
    (layout,) = [b.text for b in blocks(ROOT / "README.md") if b.text.startswith("services/ ")]
    parents: list[str] = []
    missing = []
    for line in layout.splitlines():
        entry = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [entry]
        if not (ROOT / "".join(parents)).is_dir():
            missing.append("".join(parents))
    assert missing == []
