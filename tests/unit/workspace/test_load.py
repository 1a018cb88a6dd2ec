"""A folder is read whatever lies in it: the answer is a workspace, or findings that say what to do."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from services.cli.workspace.load import load
from services.contracts.workspace import Workspace
from tests.unit.workspace.folder import MAIL, SETTINGS, loaded, said, the, write


def test_a_clean_folder_becomes_the_published_document(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert found.findings == []
    assert found.workspace is not None
    assert [journey.name for journey in found.workspace.journeys] == ["hello"]
    assert found.workspace.templates["hello"]["pl"].sms == "Dziękujemy! Sklep"
    assert found.files == 4


def test_the_document_survives_being_stored(tmp_path: Path) -> None:
    workspace = loaded(tmp_path).workspace
    assert msgspec.json.decode(msgspec.json.encode(workspace), type=Workspace) == workspace


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    found = the(load(tmp_path / "nowhere").findings)
    assert found.rule == "missing-file"
    assert "wici init" in found.hint


def test_a_folder_without_wici_yaml_says_how_to_begin(tmp_path: Path) -> None:
    found = the(load(tmp_path).findings)
    assert (found.place, found.rule) == ("wici.yaml", "missing-file")


@pytest.mark.parametrize(
    ("raw", "rule"),
    [(b"", "empty-file"), (b"# nothing\n", "empty-file"), (b"\xff\xfe\x00", "unreadable-file"),
     (b"\x00\x01\x02", "bad-yaml"), (b"a: " + b"x" * 1_000_001, "too-large"), (b"[]", "wrong-kind"),
     (b"hello", "wrong-kind"), (b"{a: 1, a: 2}", "duplicate-key")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["wici.yaml", "journeys/hello.yaml"])
def test_a_file_that_is_no_workspace_file_is_refused_by_name(tmp_path: Path, name: str, raw: bytes, rule: str) -> None:
    found = loaded(tmp_path, {name: raw})
    assert found.workspace is None
    refused = the(found.findings)
    assert (refused.file, refused.rule) == (name, rule)
    assert refused.hint


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"wici.yaml": b"\xef\xbb\xbf" + SETTINGS.encode()}).findings == []


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"wici.yaml": SETTINGS.replace("\n", "\r\n")}).findings == []


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "journeys/hello.yaml").unlink()
    (tmp_path / "journeys/loop.yaml").symlink_to("loop.yaml")
    assert said(load(tmp_path).findings) == [("journeys/loop.yaml", "unreadable-file")]


def test_a_folder_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "templates/hello/pl/again").symlink_to(tmp_path)
    assert load(tmp_path).findings == []


def test_a_pipe_in_place_of_a_file_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "wici.yaml").unlink()
    os.mkfifo(tmp_path / "wici.yaml")
    found = the(load(tmp_path).findings)
    assert (found.place, found.rule) == ("wici.yaml", "unreadable-file")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "wici.yaml").unlink()
    (tmp_path / "wici.yaml").mkdir()
    assert the(load(tmp_path).findings).rule == "missing-file"


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wici.yaml").write_text(SETTINGS)
    (tmp_path / "journeys").write_text("")
    assert said(load(tmp_path).findings) == [("journeys", "unreadable-file")]


def test_a_file_name_with_control_characters_is_shown_without_them(tmp_path: Path) -> None:
    found = the(loaded(tmp_path, {"journeys/\x1b[31mred.yaml": b""}).findings)
    assert found.file == "journeys/?[31mred.yaml"


def test_hidden_files_and_journey_tests_are_no_journeys(tmp_path: Path) -> None:
    tests = "- {test: later, when: [], then: [{nothing: true}]}"
    assert loaded(tmp_path, {"journeys/.swp.yaml": "x", "journeys/hello.test.yaml": tests}).findings == []


def test_a_yml_file_is_not_overlooked_in_silence(tmp_path: Path) -> None:
    assert said(loaded(tmp_path, {"journeys/other.yml": "x"}).findings) == [("journeys/other.yml", "bad-name")]


def test_a_file_of_a_later_version_is_a_warning(tmp_path: Path) -> None:
    found = the(loaded(tmp_path, {"loyalty.yaml": "points: {}"}).findings)
    assert (found.place, found.rule, found.severity) == ("loyalty.yaml", "not-yet-applied", "warning")


def test_unreadable_settings_do_not_cause_complaints_about_journeys(tmp_path: Path) -> None:
    assert the(loaded(tmp_path, {"wici.yaml": "{"}).findings).file == "wici.yaml"


# --- templates


def test_files_beside_no_locale_folder_are_in_the_shops_language(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"templates/plain/email.mjml": MAIL, "templates/plain/en-GB/sms.txt": "Thanks\n"})
    assert found.workspace is not None
    assert sorted(found.workspace.templates["plain"]) == ["en-GB", "pl"]


def test_a_language_in_two_places_is_refused(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"templates/hello/sms.txt": "Hej\n"})
    assert said(found.findings) == [("templates/hello", "duplicate-name")]


def test_a_template_without_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates/empty").mkdir(parents=True)
    assert said(loaded(tmp_path).findings) == [("templates/empty", "missing-file")]


def test_shared_parts_are_no_templates(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"templates/_layouts/base.mjml": "<mjml>"}).findings == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (MAIL.replace("Zażółć", "{{ profile.first_name"), "templates/hello/pl/email.mjml:5"),
        (MAIL.replace("subject:", "subjekt:"), "templates/hello/pl/email.mjml:2"),
        ("", "templates/hello/pl/email.mjml:1"),
    ],
)
def test_a_mistake_in_a_template_is_named_where_it_stands(tmp_path: Path, text: str, place: str) -> None:
    found = the(loaded(tmp_path, {"templates/hello/pl/email.mjml": text}).findings)
    assert found.place.startswith(place)
    assert found.rule == "template"


def test_a_template_that_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    found = the(loaded(tmp_path, {"templates/hello/pl/sms.txt": b"\xff"}).findings)
    assert (found.place, found.rule) == ("templates/hello/pl/sms.txt", "unreadable-file")


# --- the shop's own events

SCHEMA = """{"type": "object", "additionalProperties": false,
 "properties": {"visit": {"type": "object", "properties": {"minutes": {"type": "integer"}}}}}"""
VISIT = """\
journey: visit
enter: {on: shop.visited, if: event.visit.minutes > 5}
steps: [{send: hello, via: email}]
"""


def test_an_event_of_the_shops_own_may_enter_a_journey(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"events/shop.visited.schema.json": SCHEMA, "journeys/visit.yaml": VISIT})
    assert found.workspace is not None, found.findings
    assert list(found.workspace.event_schemas) == ["shop.visited"]


def test_a_condition_is_checked_against_the_shops_own_schema(tmp_path: Path) -> None:
    wrong = VISIT.replace("event.visit.minutes", "event.vist.minutes")
    found = loaded(tmp_path, {"events/shop.visited.schema.json": SCHEMA, "journeys/visit.yaml": wrong})
    assert said(found.findings) == [("journeys/visit.yaml:2:37", "bad-condition")]


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("shop.visited", "{", "bad-schema"),
        ("shop.visited", "[]", "bad-schema"),
        ("shop.visited", '{"type": "object", "properties": 3}', "bad-schema"),
        ("shop.visited", '{"type": "object", "$ref": "https://elsewhere.example/x"}', "bad-schema"),
        ("shop.visited", '{"type": "object", "$schema": "https://elsewhere.example/x"}', "bad-schema"),
        ("shop.visited", "[" * 100_000, "bad-schema"),
        ("shop.visited", "9" * 5_000, "bad-schema"),
        ("Visited", SCHEMA, "bad-name"),
        ("order.milestone", SCHEMA, "bad-schema"),
        ("message.opened", SCHEMA, "bad-schema"),
    ],
)
def test_a_schema_that_is_none_is_refused_by_name(tmp_path: Path, name: str, text: str, rule: str) -> None:
    found = the(loaded(tmp_path, {f"events/{name}.schema.json": text}).findings)
    assert (found.file, found.rule) == (f"events/{name}.schema.json", rule)
    assert found.hint
