"""Who may send: the keys of `http` sources in wici.yaml, kept as SHA-256 digests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from services.contracts.settings import Settings
from services.contracts.stamp import Scope
from services.gateway.problems import HttpProblem
from services.kit.errors import Misconfigured
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
                digest = _digest(resolve(reference, environ))
                grant = Grant(name, scope)
                if keys.setdefault(digest, grant) != grant:
                    raise Misconfigured(_shared(reference, grant, keys[digest]))
    return keys


def authenticate(keys: Keys, authorization: str | None) -> Grant:
    """The grant of a key in the header Authorization, see `key_of`. HttpProblem 401 without one."""
    return granted(keys, key_of(authorization))


def key_of(authorization: str | None) -> str | None:
    """A bearer key (RFC 6750 §2.1), or Basic's user name without a password (RFC 7617), as Segment does it."""
    scheme, _, said = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return said.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(said.strip(), validate=True).decode().removesuffix(":") or None
    except ValueError:
        return None


def granted(keys: Keys, key: str | None) -> Grant:
    """The grant of a key. HttpProblem 401 without one.

    Looking up a digest takes no time that depends on how much of a wrong key is right.
    """
    if key is None:
        raise _unauthorized(
            "Write the header Authorization: Bearer KEY, with a key of an http source in wici.yaml.", ""
        )
    grant = keys.get(_digest(key))
    if grant is None:
        detail = (
            "This key belongs to no http source of the published workspace. Use one of its keys, or run wici apply."
        )
        raise _unauthorized(detail, ', error="invalid_token"')
    return grant


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _unauthorized(detail: str, error: str) -> HttpProblem:
    return HttpProblem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": f'Bearer realm="wici"{error}'})


def _shared(reference: str, one: Grant, other: Grant) -> str:
    places = " and ".join(f"sources.{g.source} ({g.scope} key)" for g in (other, one))
    return f"{reference} has the same value as another key: {places}. Give each its own."
