"""Every list of steps in docs/journeys.md is one that `wici check` takes, and every step's word is in one of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from services.cli.workspace.findings import Finding, errors
from services.cli.workspace.load import load
from services.cli.workspace.shapes.journey import STEP
from tests.docs.markdown import ROOT, Block, blocks

PAGE = ROOT / "docs/journeys.md"
STEPS = [found for found in blocks(PAGE, "yaml") if found.text.startswith("- ")]
GROUPS = [found for found in blocks(PAGE, "yaml") if "\ngroup: " in found.text]
HEAD = "journey: cart-recovery\ntopic: cart-reminders\nenter: {on: cart.abandoned}\nsteps:\n"
MORE = ("webhooks: {secret: $HOOK_SECRET}", "teams: {support: {email: team@shop.example}}")
FILES = {"coupons.yaml": "cart-10: {}\n", "surveys.yaml": "why-left: {}\n"}


def found(home: Path, example: Block) -> list[Finding]:
    """What is found in the English recipes with these steps in the place of a journey's."""
    shutil.copytree(ROOT / "recipes/en", home, dirs_exist_ok=True)
    for name, text in FILES.items():
        (home / name).write_text(text)
    settings = home / "wici.yaml"
    for more in MORE:
        if f"\n{more.partition(':')[0]}:" not in settings.read_text():
            settings.write_text(f"{settings.read_text()}\n{more}\n")
    (home / "groups").mkdir(exist_ok=True)
    for group in GROUPS:
        (named,) = re.findall(r"^group: (.*)$", group.text, re.MULTILINE)
        (home / f"groups/{named}.yaml").write_text(group.text)
    steps = "".join(f"  {line}\n" for line in example.text.splitlines())
    (home / "journeys/cart-recovery.yaml").write_text(HEAD + steps)
    return errors(load(home).findings)


@pytest.mark.parametrize("example", STEPS, ids=lambda one: one.place)
def test_the_steps_of_every_example_check(example: Block, tmp_path: Path) -> None:
    assert [finding.render() for finding in found(tmp_path, example)] == []


def test_every_word_of_a_step_has_an_example() -> None:
    text = "\n".join(one.text for one in blocks(PAGE, "yaml"))
    assert [word for word in STEP.tables if not re.search(rf"[-{{] ?{word}\b", text)] == []
