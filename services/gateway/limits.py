"""Reading a request's body within bounds of size and time."""

from __future__ import annotations

import asyncio
import zlib
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from services.kit.problems import HttpProblem

MAX_BODY_BYTES = 1024 * 1024
MAX_DISCARDED_BYTES = 16 * 1024 * 1024  # read and thrown away, so that the sender is listening when the answer comes
BODY_SECONDS = 30.0

_CLOSE = {"Connection": "close"}


async def read_body(request: Request, *, gzip: bool = False) -> bytes:
    """The whole body. HttpProblem 413 over 1 MB, 415 if it is compressed (where not `gzip`), 408 if it is late."""
    encoding = request.headers.get("content-encoding", "identity")
    if gzip and encoding == "gzip":
        return _unpacked(await _whole(request))
    if encoding != "identity":
        raise HttpProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Encoding {encoding[:40]!r}: send it uncompressed."
        )
    return await _whole(request)


async def _whole(request: Request) -> bytes:
    if _announced(request) > MAX_DISCARDED_BYTES:
        raise _too_large(_CLOSE)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request)
    except TimeoutError:
        detail = f"The body did not arrive within {BODY_SECONDS:g} s. Send smaller batches."
        raise HttpProblem(HTTPStatus.REQUEST_TIMEOUT, detail, headers=_CLOSE) from None
    except ClientDisconnect:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "The connection was closed before the body was complete.") from None


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        elif size > MAX_DISCARDED_BYTES:
            raise _too_large(_CLOSE)
    if size > MAX_BODY_BYTES:
        raise _too_large({})
    return b"".join(chunks)


def _unpacked(body: bytes) -> bytes:
    """No more is unpacked than may be large: a few bytes can stand for gigabytes."""
    packed = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        whole = packed.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "The body is not gzip, as Content-Encoding says.") from None
    if len(whole) > MAX_BODY_BYTES:
        raise _too_large({})
    if not packed.eof:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "The body is not gzip to its end.")
    return whole


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _too_large(headers: dict[str, str]) -> HttpProblem:
    detail = "The body is larger than 1 MB. Send the events in smaller batches."
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers=headers)
