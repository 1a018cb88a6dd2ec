"""Every command that a page names can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.main import app
from tests.docs.markdown import ROOT, blocks, name, pages, spans

PAGES = pages()
ROOT_COMMAND = typer.main.get_command(app)
_WICI = re.compile(r"^(?:\.venv/bin/)?wici ([a-z-]+.*)$")
_COMMENT = re.compile(r" {2,}.*$| #.*$")


def typed(page: Path) -> Iterator[str]:
    """The lines of a page that are commands of ours: in blocks a whole line, in the text a code span."""
    for block in blocks(page):
        for line in block.text.splitlines():
            if found := _WICI.match(_COMMENT.sub("", line.strip())):
                yield found[1]
    for span in spans(page):
        if found := _WICI.match(span):
            yield found[1]


def mistake(line: str) -> str | None:
    """What is wrong with a command, or None. Words in capitals, `…` and `[…]` stand for something."""
    command: Any = ROOT_COMMAND
    context = typer.Context(command)
    words = [word for word in shlex.split(line) if "…" not in word and not word.startswith("[")]
    while words and hasattr(command, "commands"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"there is no `{words[0]}`"
        command, words = found, words[1:]
    options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
    return f"`{line}` has no {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    assert [wrong for line in typed(page) if (wrong := mistake(line))] == []


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert mistake("divine anna") == "there is no `divine`"
    assert mistake("dead-letters burn") == "there is no `burn`"
    assert mistake("apply --force")
    assert mistake("dead-letters drop 3/17 --yes") is None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^ {4}|^)make ([a-z]+)", text, re.MULTILINE)) - {"sure", "it", "a", "the"}
    assert named - targets == set()


def test_the_readme_shows_how_to_run_each_service() -> None:
    from services.cli.services import PORTS

    shown = {line.split()[1] for line in typed(ROOT / "README.md") if line.startswith("run ") and len(line.split()) > 1}
    assert shown >= set(PORTS) - {"console"}, "everything on an event's route"


def test_the_page_on_operations_shows_how_to_run_every_service_and_where_it_answers() -> None:
    from services.cli.services import PORTS

    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^    wici run ([a-z-]+) +(\d+);", text, re.MULTILINE)) == {
        name: str(port) for name, port in PORTS.items()
    }
