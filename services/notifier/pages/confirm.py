"""`/confirm/{token}`: double opt-in. GET shows what is agreed to and changes nothing; POST confirms, once."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.contracts.receipt import CONFIRMED_WITHIN
from services.kit.service import Context
from services.notifier.editions import Editions
from services.notifier.pages import statements
from services.notifier.pages.choices import title_of
from services.notifier.pages.letter import Busy, Letter, Letters
from services.notifier.pages.page import Look, look, page, paragraph, say
from services.notifier.pages.words import TEXT, WORDS, Name

_FORM = '<form method="post"><button>{}</button></form>'


class Confirm:
    """The page, and what its button does."""

    def __init__(self, context: Context, editions: Editions, letters: Letters) -> None:
        self._context = context
        self._editions = editions
        self._letters = letters

    def routes(self) -> list[BaseRoute]:
        """The route."""
        return [Route("/confirm/{token}", self._endpoint, methods=["GET", "POST"])]

    async def _endpoint(self, request: Request) -> Response:
        try:
            letter = await self._letters.find("confirm", request.path_params["token"])
        except Busy:
            return say(look(self._editions, None), "slow_down", 429)
        how = look(self._editions, letter.locale if letter else None)
        if letter is None:
            return say(how, "lost", 404)
        if letter.confirmed_at is not None:
            return say(how, "confirmed_before")
        if self._context.clock.now() - letter.created_at > CONFIRMED_WITHIN:
            return say(how, "expired", 410)
        asked = self._asked(letter, how)
        if request.method != "POST":
            title, _, button = WORDS[how.language].confirm
            return page(how, title, paragraph(asked) + _FORM.format(escape(button)))
        return say(how, await self._confirm(letter, request, asked, how))

    async def _confirm(self, letter: Letter, request: Request, asked: str, how: Look) -> Name:
        line = f"{letter.channel}:{letter.topic}" if letter.topic else letter.channel
        text_id = f"wici/confirm/{how.language}/{TEXT}"
        said = statements.statement(
            self._context, letter, request, {line: "subscribed"}, text_id=text_id, text=asked
        )  # fmt: skip
        return "confirmed" if await statements.confirm(self._context, letter, said) else "confirmed_before"

    def _asked(self, letter: Letter, how: Look) -> str:
        """The words that are agreed to."""
        words = WORDS[how.language]
        topics = self._editions.now.workspace.settings.topics if self._editions.now else {}
        what = title_of(topics, letter.topic, how.language) if letter.topic else words.news
        return words.confirm[1].format(shop=how.shop, how=words.how[letter.channel], what=what)
