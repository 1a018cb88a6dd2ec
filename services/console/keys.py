"""Who may ask: whoever has one of the keys of WICI_CONSOLE_KEYS. Without keys nobody may."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from services.kit.api_keys import digest, key_of
from services.kit.problems import HttpProblem

CLOSED = (
    "The API is closed: WICI_CONSOLE_KEYS is not set. Write one key or several there, comma-separated, at least 32 "
    "characters each, and start again."
)
_HEADER = "Write the header Authorization: Bearer KEY, with a key of WICI_CONSOLE_KEYS."
_WRONG = "This key is none of WICI_CONSOLE_KEYS. Use one of those, or ask who runs wici for one."


class Keys:
    """The keys of this process, as digests."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = frozenset(digest(key) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, authorization: str | None) -> bytes:
        """The digest of the key in the header Authorization. HttpProblem 401 without one of ours."""
        if not self:
            raise _refusal(CLOSED, "")
        key = key_of(authorization)
        if key is None:
            raise _refusal(_HEADER, "")
        if (found := digest(key)) not in self._digests:
            raise _refusal(_WRONG, ', error="invalid_token"')
        return found


def _refusal(detail: str, error: str) -> HttpProblem:
    return HttpProblem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": f'Bearer realm="wici"{error}'})
