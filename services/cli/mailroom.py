"""What a played workspace says, composed by the code that composes what is sent."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.contracts.message import Message, MessageClass
from services.contracts.workspace import Template, Workspace
from services.notifier.compose.compose import Composed, Voice, alert_words, compose
from services.notifier.compose.locales import choose_locale
from services.notifier.voices import voice

_URL, _KEY = "https://wici.example", "links of a play are signed with no secret"


class Mailroom:
    """Composes the messages of one workspace.

    Each method raises RenderError for its message, Misconfigured where none of the class can be composed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._voices: dict[MessageClass, Voice] = {}

    def composed(self, message: Message, at: datetime) -> Composed:
        """An e-mail or an SMS."""
        return compose(_stored(message), self._template(message), composed_at=at, voice=self._voice(message.klass))

    def alert(self, message: Message, at: datetime) -> tuple[str, str]:
        """Subject and text of a word to a team."""
        return alert_words(_stored(message), self._template(message), composed_at=at, voice=self._voice(message.klass))

    def _template(self, message: Message) -> Template:
        locales = self._workspace.templates[message.template]
        return locales[choose_locale(message.locale, tuple(locales), self._workspace.settings.shop.locale)]

    def _voice(self, klass: MessageClass) -> Voice:
        if klass not in self._voices:
            self._voices[klass] = voice(self._workspace.settings, klass, _URL, (_KEY,))
        return self._voices[klass]


def pages_of(said: Composed) -> frozenset[str]:
    """The pages on which a customer states consent, by the names of the links that a message has to them."""
    return frozenset(page for page in ("confirm", "preferences") if f"{_URL}/{page}/" in said.html + said.text)


def _stored(message: Message) -> Message:
    """As the notifier reads it from its queue, where a message's context is JSON."""
    context = msgspec.json.decode(msgspec.json.encode(message.context))
    return msgspec.structs.replace(message, context=context)
