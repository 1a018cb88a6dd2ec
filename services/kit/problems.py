"""Answers that are errors: RFC 9457 problem documents that say what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from services.kit.errors import Problem

MEDIA_TYPE = "application/problem+json"


class HttpProblem(Problem):
    """A request that is answered with `status`. `detail` is for a person, `errors` says the same of each part."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, object]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.errors = errors

    def response(self) -> Response:
        """The problem document."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)
