"""Who may send."""

from __future__ import annotations

import pytest

from services.contracts.settings import Settings, Shop, Source
from services.gateway.keys import Grant, authenticate, read_keys
from services.kit.errors import Misconfigured
from services.kit.problems import HttpProblem

ENVIRON = {"OLD": "old-key", "NEW": "new-key", "PAGE": "page-key", "SAME": "new-key", "SHOPIFY": "secret"}


def settings(**sources: Source) -> Settings:
    shop = Shop(name="Sklep", url="https://shop.example", locale="pl", currency="PLN", time_zone="Europe/Warsaw")
    return Settings(shop=shop, sources=sources)


BACKEND = settings(
    backend=Source("http", keys=("$NEW", "$OLD"), browser_keys=("$PAGE",)),
    sklep=Source("shopify", secrets=("$SHOPIFY",)),
)


@pytest.mark.parametrize(
    ("header", "grant"),
    [
        ("Bearer new-key", Grant("backend", "server")),
        ("bearer old-key", Grant("backend", "server")),
        ("Bearer  page-key ", Grant("backend", "browser")),
    ],
)
def test_key_of_an_http_source_opens(header: str, grant: Grant) -> None:
    assert authenticate(read_keys(BACKEND, ENVIRON), header) == grant


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic new-key", "new-key", "Bearer x", "Bearer secret", "Bearer $NEW", "Bearer ą"],
)
def test_anything_else_is_401_and_names_the_scheme(header: str | None) -> None:
    with pytest.raises(HttpProblem) as problem:
        authenticate(read_keys(BACKEND, ENVIRON), header)
    assert problem.value.status == 401
    assert problem.value.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_keys_are_not_kept_in_the_clear() -> None:
    assert "key" not in repr(dict(read_keys(BACKEND, ENVIRON))).replace("browser_key", "")


def test_key_without_a_value_is_named() -> None:
    with pytest.raises(Misconfigured, match="NEW"):
        read_keys(BACKEND, {})


@pytest.mark.parametrize(
    "sources",
    [
        {"one": Source("http", keys=("$NEW",)), "two": Source("http", keys=("$SAME",))},
        {"one": Source("http", keys=("$NEW",), browser_keys=("$SAME",))},
    ],
)
def test_one_value_in_two_places_is_refused(sources: dict[str, Source]) -> None:
    with pytest.raises(Misconfigured, match=r"\$SAME has the same value"):
        read_keys(settings(**sources), ENVIRON)


def test_page_cannot_take_the_id_of_an_event_of_the_server() -> None:
    assert Grant("backend", "server").namespace != Grant("backend", "browser").namespace
