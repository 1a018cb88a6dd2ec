"""The schemas for editors: as the code says, and letting through what the reader lets through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from services.cli.workspace.reading import reader, scalars
from services.cli.workspace.reading.positions import plain, read_yaml
from services.cli.workspace.shapes.json_schema import FOLDER, WRITERS, documents, written
from services.cli.workspace.shapes.vocabulary import Shape, Value
from tests.unit.workspace.folder import JOURNEY, SETTINGS
from tests.unit.workspace.test_settings_file import FULL
from tests.unit.workspace.test_ten_mistakes import MISTAKES

RECIPES = sorted(Path(__file__).parents[3].glob("recipes/*/journeys/*[!t].yaml"))
SCHEMA_SEES = ("unknown key", "bad channel")


def validator(name: str) -> Any:
    return jsonschema_rs.validator_for(documents()[name])


@pytest.mark.parametrize("name", documents())
def test_the_file_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == written(documents()[name]), (
        "run python -m services.cli.workspace.shapes.json_schema"
    )


@pytest.mark.parametrize("name", documents())
def test_the_schema_is_a_json_schema(name: str) -> None:
    jsonschema_rs.meta.validate(json.loads((FOLDER / name).read_text()))


@pytest.mark.parametrize("text", [SETTINGS, FULL])
def test_settings_that_the_reader_takes_the_schema_takes(text: str) -> None:
    assert validator("wici.schema.json").is_valid(plain(read_yaml(text)))


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_journeys_that_the_reader_takes_the_schema_takes(path: Path) -> None:
    assert validator("journey.schema.json").is_valid(plain(read_yaml(path.read_text())))


@pytest.mark.parametrize("name", SCHEMA_SEES)
def test_an_editor_marks_a_mistake_of_form(name: str) -> None:
    assert not validator("journey.schema.json").is_valid(plain(read_yaml(MISTAKES[name][0])))
    assert validator("journey.schema.json").is_valid(plain(read_yaml(JOURNEY)))


def test_every_shape_can_be_read_and_written_down() -> None:
    shapes = set(get_args(Shape))
    assert set(WRITERS) == shapes
    assert set(reader.READERS) | set(scalars.READERS) == shapes
    assert set(scalars.READERS) == set(scalars.WANTED) < set(get_args(Value))
