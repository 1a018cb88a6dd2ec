"""`/preferences/{token}`: the preference centre. GET shows how things stand; POST states every line that was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.contracts.receipt import State
from services.kit.service import Context
from services.notifier.editions import Editions
from services.notifier.pages import statements
from services.notifier.pages.choices import Choice, Line, as_stated, choices, stated
from services.notifier.pages.letter import Busy, Letter, Letters, form
from services.notifier.pages.page import Look, look, page, paragraph, say
from services.notifier.pages.words import TEXT, WORDS, Words

_CONSENTS = "SELECT channel, topic, state, at FROM engine.v_consent WHERE profile_id = $1"
_LINE = (
    '<input type="hidden" name="line" value="{name}">'
    '<label><input type="checkbox" name="on" value="{name}"{on}><span>{title}{about}</span></label>'
)
_STOP = '<button class="quiet" name="stop" value="{}">{}</button>'


class Preferences:
    """The page, and what its buttons do."""

    def __init__(self, context: Context, editions: Editions, letters: Letters) -> None:
        self._context = context
        self._editions = editions
        self._letters = letters

    def routes(self) -> list[BaseRoute]:
        """The route."""
        return [Route("/preferences/{token}", self._endpoint, methods=["GET", "POST"])]

    async def _endpoint(self, request: Request) -> Response:
        try:
            letter = await self._letters.find("preferences", request.path_params["token"])
        except Busy:
            return say(look(self._editions, None), "slow_down", 429)
        how = look(self._editions, letter.locale if letter else None)
        if letter is None or self._editions.now is None:
            return say(how, "lost", 404)
        shown = await self._choices(letter, how)
        if request.method != "POST":
            return _page(how, shown)
        fields = await form(request)
        lines = stated(shown, fields) if fields is not None else None
        if lines is None:
            return _page(how, shown, status=400)
        await self._state(letter, request, shown, lines, how)
        return _page(how, as_stated(shown, lines), saved=True)

    async def _choices(self, letter: Letter, how: Look) -> list[Choice]:
        assert self._editions.now is not None  # noqa: S101 -- for the type checker
        rows = await self._context.pool.fetch(_CONSENTS, letter.profile_id)
        consents = {(row["channel"], row["topic"]): (row["state"], row["at"]) for row in rows}
        words = WORDS[how.language]
        return choices(self._editions.now.workspace, consents, letter.channel, words, how.language)

    async def _state(
        self, letter: Letter, request: Request, shown: Sequence[Choice], lines: Mapping[str, State], how: Look
    ) -> None:
        text_id = f"wici/preferences/{how.language}/{TEXT}"
        text = _as_text(WORDS[how.language], shown, how.shop)
        said = statements.statement(self._context, letter, request, lines, text_id=text_id, text=text)
        await statements.state(self._context, letter, said)


def _as_text(words: Words, shown: Sequence[Choice], shop: str) -> str:
    """The wording of the page, for the record."""
    titles = [f"{words.channel[choice.channel]}: {line.title}" for choice in shown for line in choice.lines]
    return " | ".join([words.preferences[1].format(shop=shop), *titles])


def _page(how: Look, shown: Sequence[Choice], *, saved: bool = False, status: int = 200) -> Response:
    words = WORDS[how.language]
    title, text = words.preferences
    note = f'<p class="note" role="status">{escape(words.saved)}</p>' if saved else ""
    channels = "".join(_fieldset(words, one) for one in shown)
    choose = f'<form method="post">{channels}<button>{escape(words.save)}</button></form>'
    return page(how, title, f"{note}{paragraph(text.format(shop=how.shop))}{choose}{_leaving(words, shown)}", status)


def _leaving(words: Words, shown: Sequence[Choice]) -> str:
    """A form of its own: the Enter key presses a form's first button, which must be the one that saves."""
    several = [(one.channel, words.stop[one.channel]) for one in shown] if len(shown) > 1 else []
    buttons = [_STOP.format(name, escape(text)) for name, text in [*several, ("all", words.stop_all)]]
    return f'<form method="post" class="row"><p>{"</p><p>".join(buttons)}</p></form>'


def _fieldset(words: Words, choice: Choice) -> str:
    lines = "".join(_line(line) for line in choice.lines)
    return f"<fieldset><legend>{escape(words.channel[choice.channel])}</legend>{lines}</fieldset>"


def _line(line: Line) -> str:
    about = f"<small>{escape(line.about)}</small>" if line.about else ""
    on = " checked" if line.on else ""
    return _LINE.format(name=escape(line.name), on=on, title=escape(line.title), about=about)
