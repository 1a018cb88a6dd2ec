"""API keys as requests bring them, and as they are compared: by their SHA-256 digests.

Looking up a digest takes no time that depends on how much of a wrong key is right.
"""

from __future__ import annotations

import base64
from hashlib import sha256


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


def digest(key: str) -> bytes:
    """What stands for a key wherever it is kept."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
