"""Settings are read once, refused with the variable's name and what to write, and shown without secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.kit.errors import Misconfigured
from services.kit.settings import VARIABLES, from_environment, masked, unknown, without_password

KEY = "a-secret-of-at-least-thirty-two-characters"
DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


def test_an_empty_environment_gives_the_embedded_defaults() -> None:
    settings = from_environment({})
    assert settings.database_url == ""
    assert settings.kafka == ""
    assert settings.data == Path(".wici")
    assert (settings.log, settings.clock, settings.secret_keys) == ("text", "real", ())


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert from_environment({"WICI_PORT": "", "WICI_KAFKA": "  "}) == from_environment({})


@pytest.mark.parametrize(
    ("variable", "value", "instead"),
    [
        ("WICI_DATABASE_URL", "mysql://shop/db", "postgresql://"),
        ("WICI_KAFKA", "http://broker:9092", "host:9092"),
        ("WICI_KAFKA", "broker", "host:9092"),
        ("WICI_KAFKA_SECURITY", "TLS", "SASL_SSL"),
        ("WICI_KAFKA_SECURITY", "SSL:PLAIN", "SASL_SSL:SCRAM-SHA-512"),
        ("WICI_KAFKA_CA", "/no/such/file", "PEM"),
        ("WICI_PORT", "http", "1 to 65535"),
        ("WICI_PORT", "70000", "1 to 65535"),
        ("WICI_PORT", "٣", "1 to 65535"),
        ("WICI_PUBLIC_URL", "wici.shop.example", "https://"),
        ("WICI_PUBLIC_URL", "https://wici.example/?a=1", "https://"),
        ("WICI_SECRET_KEY", "short", "token_urlsafe"),
        ("WICI_SECRET_KEY", f"{KEY},short", "token_urlsafe"),
        ("WICI_INSTANCE", "a b", "engine-1"),
        ("WICI_TOPIC_PREFIX", "a/b", "letters"),
        ("WICI_LOG", "xml", "text or json"),
        ("WICI_CLOCK", "fast", "movable"),
        ("WICI_KAFKA_USERNAME", "anna", "WICI_KAFKA_SECURITY"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name_with_what_to_write(
    variable: str, value: str, instead: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        from_environment({variable: value})
    assert variable in str(refused.value)
    assert instead in str(refused.value)


def test_sasl_without_a_password_is_refused() -> None:
    with pytest.raises(Misconfigured, match="WICI_KAFKA_PASSWORD"):
        from_environment({"WICI_KAFKA_SECURITY": "SASL_SSL", "WICI_KAFKA_USERNAME": "anna"})


def test_sasl_takes_its_mechanism_from_behind_the_colon() -> None:
    given = {"WICI_KAFKA_USERNAME": "anna", "WICI_KAFKA_PASSWORD": "pass"}
    settings = from_environment({**given, "WICI_KAFKA_SECURITY": "SASL_SSL:SCRAM-SHA-512"})
    assert (settings.kafka_protocol, settings.kafka_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert from_environment({**given, "WICI_KAFKA_SECURITY": "SASL_SSL"}).kafka_mechanism == "PLAIN"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    assert from_environment({"WICI_SECRET_KEY_FILE": str(file)}).secret_keys == (KEY,)


def test_a_secret_file_that_cannot_be_read_is_named_by_its_variable() -> None:
    with pytest.raises(Misconfigured, match="WICI_SECRET_KEY_FILE"):
        from_environment({"WICI_SECRET_KEY_FILE": "/no/such/file"})


def test_several_secret_keys_keep_their_order() -> None:
    assert from_environment({"WICI_SECRET_KEY": f"{KEY}1, {KEY}2"}).secret_keys == (f"{KEY}1", f"{KEY}2")


def test_secrets_are_shown_nowhere() -> None:
    environ = {
        "WICI_DATABASE_URL": "postgresql://anna:topsecret@db/wici",
        "WICI_SECRET_KEY": f"{KEY},{KEY}2",
        "WICI_KAFKA_SECURITY": "SASL_SSL",
        "WICI_KAFKA_USERNAME": "anna",
        "WICI_KAFKA_PASSWORD": "topsecret",
    }
    settings = from_environment(environ)
    shown = repr(settings) + str(masked(settings))
    assert "topsecret" not in shown
    assert KEY not in shown
    assert masked(settings)["WICI_DATABASE_URL"] == "postgresql://anna:***@db/wici"
    assert masked(settings)["WICI_SECRET_KEY"] == "***, ***"


def test_a_password_that_holds_a_colon_stays_hidden() -> None:
    assert "b:c" not in without_password("postgresql://anna:b:c@db/wici")


def test_port_and_public_url_are_decided_where_http_is_served() -> None:
    settings = from_environment({}).serving(8081)
    assert (settings.port, settings.public_url) == (8081, "http://127.0.0.1:8081")
    named = from_environment({"WICI_PORT": "9000", "WICI_PUBLIC_URL": "https://wici.example/"}).serving(8081)
    assert (named.port, named.public_url) == (9000, "https://wici.example")


def test_only_to_is_a_list_compared_without_case() -> None:
    assert from_environment({"WICI_ONLY_TO": "@Shop.example, anna@x.example"}).only_to == (
        "@shop.example",
        "anna@x.example",
    )


def test_a_mistyped_variable_is_noticed_with_the_nearest_known_one() -> None:
    assert unknown({"WICI_KAFAK": "a:1", "WICI_PORT": "1", "WICI_SECRET_KEY_FILE": "x", "HOME": "/"}) == {
        "WICI_KAFAK": "WICI_KAFKA"
    }


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = re.findall(r"^\| `(WICI_\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == list(VARIABLES)


@pytest.mark.parametrize("days", ["6", "0", "-1", "400 days", "36501"])
def test_days_of_events_to_keep_are_a_number_of_days_that_is_not_too_small(days: str) -> None:
    assert from_environment({"WICI_KEEP_EVENTS": "7"}).keep_events == 7
    with pytest.raises(Misconfigured, match="such as 400"):
        from_environment({"WICI_KEEP_EVENTS": days})
