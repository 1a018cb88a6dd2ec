import re
from pathlib import Path

import pytest

from services.trigger_engine.journeys.conditions import compile_condition, functions, parser, runtime
from tests.unit.conditions.shop import SCOPE

DOCUMENT = Path(__file__).parents[3] / "docs" / "conditions.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


EXAMPLES = [line for block in re.findall(r"```cel\n(.*?)```", TEXT, re.DOTALL) for line in block.split("\n") if line]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_in_the_documentation_compiles(text: str) -> None:
    assert compile_condition(text, SCOPE).text == text


def test_every_function_is_documented() -> None:
    documented = set(re.findall(r"(\w+)\(", TEXT))
    assert documented >= functions.METHOD_NAMES | functions.PLAIN


def test_the_documented_limits_are_those_of_the_code() -> None:
    assert f"at most {parser.LONGEST:,} characters and {parser.DEEPEST} levels" in TEXT
    assert f"the first {runtime.MOST_ITEMS:,} items" in TEXT
    assert f"{runtime.LONGEST_TEXT:,} characters" in TEXT
