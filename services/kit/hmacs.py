"""HMAC-SHA256 (RFC 2104) with keys that sign again and again: what depends on the key alone is computed once."""

from __future__ import annotations

import hmac
from functools import lru_cache


def hmac_sha256(key: str, said: bytes) -> bytes:
    """The 32 bytes of HMAC-SHA256 over `said`."""
    begun = _begun(key).copy()
    begun.update(said)
    return begun.digest()


@lru_cache(maxsize=64)
def _begun(key: str) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod="sha256")
