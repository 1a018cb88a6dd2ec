"""A journey speaks one language from its first message to its last."""

from __future__ import annotations

from pathlib import Path

from tests.unit.workspace.folder import JOURNEY, MAIL, loaded

TWO = JOURNEY + "  - send: bye\n    via: email\n"


def found(home: Path, *written: str) -> list[tuple[str, str, str]]:
    changed: dict[str, str | bytes] = {f"templates/{name}": MAIL for name in written}
    findings = loaded(home, {"journeys/hello.yaml": TWO, **changed}).findings
    assert {one.rule for one in findings} <= {"missing-locale"}
    assert {one.severity for one in findings} <= {"warning"}
    return [(one.place, one.message, one.hint) for one in findings]


def test_a_template_lacks_a_language_that_another_of_its_journey_has(tmp_path: Path) -> None:
    assert found(tmp_path, "bye/pl/email.mjml", "bye/en/email.mjml") == [
        (
            "journeys/hello.yaml:5:11",
            "the template 'hello' is not written in en, as others of this journey are",
            "write templates/hello/en/email.md",
        )
    ]


def test_a_template_lacks_the_shops_language(tmp_path: Path) -> None:
    assert found(tmp_path, "bye/en/email.mjml", "hello/en/email.mjml") == [
        (
            "journeys/hello.yaml:7:11",
            "the template 'bye' is not written in pl, the shop's language",
            "write templates/bye/pl/email.md",
        )
    ]


def test_another_region_of_a_language_and_a_folder_without_a_locale_are_enough(tmp_path: Path) -> None:
    assert found(tmp_path / "region", "bye/pl-PL/email.mjml") == []
    assert found(tmp_path / "none", "bye/email.mjml") == []
