"""`wici preview` and `wici send-test`: what a template says before anybody gets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.preview import Wanted, rendered, workspace_of
from services.cli.samples import sample
from services.kit.settings import Settings
from services.trigger_engine.journeys.scopes import template_scope
from services.trigger_engine.journeys.words import EVENT_DATA
from tests.unit.workspace.folder import JOURNEY, MAIL, SETTINGS, write

RECIPES = Path(__file__).parents[3] / "recipes"
RELAY = {
    "wici.yaml": """\
shop: {name: Sklep, url: "https://sklep.example", locale: pl, currency: PLN, time_zone: Europe/Warsaw}
sources:
  backend: {storefront: http, keys: [$BACKEND_KEY]}
providers:
  email: [{name: main, provider: resend, api_key: $TEST_RESEND_KEY, callback_key: $TEST_RESEND_KEY, base_url: "http://127.0.0.1:9"}]
  sms: [{name: text, provider: mailbox}]
"""
}


def typed(home: Path, workspace: Path, *words: str, **environ: str) -> Any:
    known = {"WICI_WORKSPACE": str(workspace), "WICI_DATA": str(home / "data"), **environ}
    return CliRunner().invoke(app, list(words), env=known)


@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_template_of_a_recipe_can_be_looked_at(language: str) -> None:
    settings = Settings(workspace=RECIPES / language)
    workspace = workspace_of(settings)
    for folder in (RECIPES / language / "templates").iterdir():
        if folder.name.startswith("_"):
            continue
        said = [one for one, _ in rendered(workspace, Wanted(folder.name), {}, None, settings)]
        assert said
        assert all(one.html.startswith("<!doctype html>") for one in said if one.channel == "email")
        assert all(one.text.strip() for one in said)


@pytest.mark.parametrize("kind", sorted(EVENT_DATA))
def test_the_sample_has_every_field_that_the_event_brings(kind: str) -> None:
    scope = template_scope(kind)
    made = sample(scope, "pl", "https://sklep.example")
    assert set(made) == {"event", "profile", "cart", "entry"}
    assert set(made["event"]) == set(EVENT_DATA[kind].fields)


def test_a_preview_takes_data_from_a_file_and_counts_the_parts_of_an_sms(tmp_path: Path) -> None:
    home = write(tmp_path / "shop", {"templates/hello/pl/sms.txt": "Cześć {{ profile.first_name }}"})
    (tmp_path / "d.json").write_text('{"profile": {"first_name": "Żaneta"}}')
    done = typed(tmp_path, home, "preview", "hello", "--data", str(tmp_path / "d.json"), "--channel", "sms")
    assert "SMS in 1 part (12 characters, ucs2)" in done.output
    assert "Cześć Żaneta" in done.output


def test_a_preview_shows_what_customers_get_around_the_template_too(tmp_path: Path) -> None:
    """The way out of an advertisement, UTM words, tracked links; none of it where nothing asks for it."""
    lines = 'links: {utm: {source: wici}}\nsenders: {marketing: {sms: "+48600100300"}}\n'
    shop = "https://sklep.example/nowosci"
    changed = {
        "wici.yaml": SETTINGS + lines,
        "journeys/hello.yaml": JOURNEY.replace("transactional", "marketing"),
        "templates/hello/pl/email.mjml": MAIL.replace("Zażółć", f'<a href="{shop}">Zażółć</a>'),
    }
    done = typed(tmp_path, write(tmp_path / "shop", {**changed}), "preview", "hello", "--json")
    mail, sms = json.loads(done.output)["messages"]
    assert sms["text"] == "Dziękujemy! Sklep\nRezygnacja: odpisz STOP"
    assert f"{shop}?utm_source=wici" in mail["text"]
    assert "https://wici.example/c/" in mail["html"]
    assert "Wypisz się: https://wici.example/u/" in mail["text"]

    del changed["journeys/hello.yaml"]
    done = typed(tmp_path, write(tmp_path / "bill", {**changed}), "preview", "hello", "--json")
    mail, sms = json.loads(done.output)["messages"]
    assert sms["text"] == "Dziękujemy! Sklep"
    assert f'href="{shop}?utm_source=wici"' in mail["html"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("preview", "helo"), "write instead: hello"),
        (("preview", "hello", "--journey", "nothing"), "There is no journey 'nothing'"),
        (("preview", "hello", "--channel", "fax"), "There is no channel 'fax'"),
        (("send-test", "hello", "--to", "+48600100200"), "the mailbox, which sends nothing"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = typed(tmp_path, write(tmp_path / "shop", {}), *words)
    assert done.exit_code == 1
    assert said in done.output


def test_a_test_goes_to_nobody_that_wici_only_to_does_not_name(tmp_path: Path) -> None:
    home = write(tmp_path / "shop", dict(RELAY))
    done = typed(tmp_path, home, "send-test", "hello", "--to", "anna@example.com", WICI_ONLY_TO="@shop.example")
    assert done.exit_code == 1
    assert "nothing was sent" in done.output


def test_a_test_that_no_provider_took_is_said_and_ends_with_1(tmp_path: Path) -> None:
    home = write(tmp_path / "shop", dict(RELAY))
    done = typed(tmp_path, home, "send-test", "hello", "--to", "anna@example.com", "--json", TEST_RESEND_KEY="k" * 32)
    assert done.exit_code == 1, done.output
    found = json.loads(done.output)
    assert (found["accepted"], found["answer"], found["subject"]) == (False, "NotSent", "[test] Dziękujemy, Anna!")
