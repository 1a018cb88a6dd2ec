"""A curl command of the documentation as the request that it makes: machines without curl run these tests too."""

from __future__ import annotations

import shlex
from itertools import pairwise
from typing import NamedTuple


class Request(NamedTuple):
    """What a curl command sends; names of headers are in small letters."""

    path: str
    headers: dict[str, str]
    body: str


def request(command: str, key: str) -> Request:
    """Read a command as a shell, whose BACKEND_KEY is `key`, and curl would."""
    words = shlex.split(command.replace("\\\n", " ").replace("$BACKEND_KEY", key))
    (url,) = [word for word in words if word.startswith("http")]
    headers = dict(after.split(": ", 1) for flag, after in pairwise(words) if flag == "-H")
    (body,) = [after for flag, after in pairwise(words) if flag == "-d"]
    return Request("/" + url.split("/", 3)[3], {name.lower(): value for name, value in headers.items()}, body)
