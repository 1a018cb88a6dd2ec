"""The recipe in docs/adding-a-step.md gives a step that is read, linked and lived through like any other."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from services.cli.workspace.journeys import steps as workspace_steps
from services.cli.workspace.load import load
from services.cli.workspace.shapes import journey as journey_shape
from services.contracts import journey as contract
from services.contracts.journey import Journey
from services.trigger_engine.journeys import compiled
from services.trigger_engine.journeys.situation import Decision, End, Go, Sleep
from services.trigger_engine.journeys.steps import STEPS
from tests.support.engine import AT, MINUTE, Run, anna, happened, workspace
from tests.unit.workspace.folder import JOURNEY, write

ROOT = Path(__file__).parents[3]
RECIPE = (ROOT / "docs" / "adding-a-step.md").read_text(encoding="utf-8")
IMPORTS = """
from __future__ import annotations
from typing import Any
from services.cli.workspace.shapes.journey import EVERY_STEP, STEPS
from services.cli.workspace.reading.row import Row
from services.cli.workspace.shapes.vocabulary import Number, Table
from services.cli.workspace.journeys.steps import StepReader
from services.contracts.journey import Conditional
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation
"""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's code, put where the page says."""
    module = ModuleType("greet_after")
    monkeypatch.setitem(sys.modules, "greet_after", module)
    source = IMPORTS + "\n".join(re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL))
    exec(compile(source, "docs/adding-a-step.md", "exec"), vars(module))  # noqa: S102 -- our own page
    monkeypatch.setitem(STEPS, module.GreetAfter, module.decide)
    monkeypatch.setitem(journey_shape.STEP.tables, "greet_after", module.SHAPE)
    monkeypatch.setitem(workspace_steps.READERS, "greet_after", module.greet_after)
    before: Callable[[Any], Any] = contract.ways

    def ways(step: Any) -> Any:
        return module.inside(step) if isinstance(step, module.GreetAfter) else before(step)

    for user in (contract, compiled, workspace_steps):
        monkeypatch.setattr(user, "ways", ways)
    return module


def read(home: Path, text: str) -> Journey:
    found = load(write(home, {"journeys/hello.yaml": JOURNEY[: JOURNEY.index("  - send")] + text}))
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    (journey,) = found.workspace.journeys
    return msgspec.structs.replace(journey, revision=1)


GREETING = """\
  - greet_after: 2
    if: event.order.total > 1
    do: [{send: hello, via: email}]
  - {greet_after: 9, do: []}
"""


def test_the_recipes_step_is_read_and_lived_through(toy: ModuleType, tmp_path: Path) -> None:
    journey = read(tmp_path, GREETING)
    assert [step.id for step in contract.every_step(journey.steps)] == ["greet-after-1", "send-hello", "greet-after-2"]
    assert isinstance(journey.steps[0], toy.GreetAfter)
    run = Run(workspace(journey))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    assert (run.said, run.profile.fact("greeting")) == ([], "later")
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="o2"))
    assert run.said == ["hello"]


def test_a_mistake_in_it_is_named_where_it_stands(toy: ModuleType, tmp_path: Path) -> None:
    found = load(write(tmp_path, {"journeys/hello.yaml": JOURNEY + "  - {greet_after: 0, do: []}\n"}))
    assert [(finding.place, finding.rule) for finding in found.findings] == [("journeys/hello.yaml:7:19", "bad-value")]
    assert toy.GreetAfter


def test_the_recipe_names_every_decision_and_files_that_are_there() -> None:
    for kind in (Go, Sleep, End):
        assert f"`{kind.__name__}(" in RECIPE
    assert set(Decision.__args__) == {Go, Sleep, End}
    done = set(Go.__struct_fields__) - {"to", "seen"}  # `seen` is for whoever asks why
    assert not [name for name in done if f"`{name}`" not in RECIPE]
    for path in re.findall(r"`((?:services|tests|docs)/[\w/.]+\.py)`", RECIPE):
        assert (ROOT / path).exists(), path
