"""Who may send: the keys of `http` sources in wici.yaml, kept as SHA-256 digests."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from services.contracts.settings import Settings
from services.contracts.stamp import Scope
from services.kit.api_keys import digest, key_of
from services.kit.errors import Misconfigured
from services.kit.problems import HttpProblem
from services.kit.secrets import resolve

STOREFRONT = "http"


class Grant(NamedTuple):
    """What a key is good for: events of one source, said by a server or by a page."""

    source: str
    scope: Scope

    @property
    def namespace(self) -> str:
        """Where the ids of its events are unique. A page cannot take the id of an event that a server will send."""
        return self.source if self.scope == "server" else f"{self.source}/browser"


Keys = Mapping[bytes, Grant]


def read_keys(settings: Settings, environ: Mapping[str, str]) -> Keys:
    """All keys by digest. Misconfigured if a reference has no value or one value stands in two places."""
    keys: dict[bytes, Grant] = {}
    for name, source in settings.sources.items():
        if source.storefront != STOREFRONT:
            continue
        scoped: tuple[tuple[Scope, tuple[str, ...]], ...] = (("server", source.keys), ("browser", source.browser_keys))
        for scope, references in scoped:
            for reference in references:
                value = digest(resolve(reference, environ))
                grant = Grant(name, scope)
                if keys.setdefault(value, grant) != grant:
                    raise Misconfigured(_shared(reference, grant, keys[value]))
    return keys


def authenticate(keys: Keys, authorization: str | None) -> Grant:
    """The grant of a key in the header Authorization, see `key_of`. HttpProblem 401 without one."""
    return granted(keys, key_of(authorization))


def granted(keys: Keys, key: str | None) -> Grant:
    """The grant of a key. HttpProblem 401 without one."""
    if key is None:
        raise _unauthorized(
            "Write the header Authorization: Bearer KEY, with a key of an http source in wici.yaml.", ""
        )
    grant = keys.get(digest(key))
    if grant is None:
        detail = (
            "This key belongs to no http source of the published workspace. Use one of its keys, or run wici apply."
        )
        raise _unauthorized(detail, ', error="invalid_token"')
    return grant


def _unauthorized(detail: str, error: str) -> HttpProblem:
    return HttpProblem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": f'Bearer realm="wici"{error}'})


def _shared(reference: str, one: Grant, other: Grant) -> str:
    places = " and ".join(f"sources.{g.source} ({g.scope} key)" for g in (other, one))
    return f"{reference} has the same value as another key: {places}. Give each its own."
