"""HMAC-SHA256 (RFC 2104) with keys that sign again and again: what depends on the key alone is computed once."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha256(key: str, said: bytes) -> bytes:
    """The 32 bytes of HMAC-SHA256 over `said`."""
    inner, outer = (state.copy() for state in _states(key))
    inner.update(said)
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


@lru_cache(maxsize=64)
def _states(key: str) -> tuple[Any, Any]:
    """Both hashes as they are before anything is said."""
    raw = key.encode()
    block = (sha256(raw).digest() if len(raw) > _BLOCK_BYTES else raw).ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))
