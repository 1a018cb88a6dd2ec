"""What can go wrong with a template: once at publish, which its author mends, or with one message at render."""

from __future__ import annotations

from services.kit.errors import BadRecord, Misconfigured


class TemplateError(Misconfigured):
    """A template that cannot be published. `line` and `column` count from 1, in `file` as its author wrote it."""

    def __init__(self, file: str, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(f"{file}:{line}:{column}: {message}" + (f" ({hint})" if hint else ""))
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint


class LanguageError(Misconfigured):
    """A template that says something outside the language. `line` counts from 1 within the checked source."""

    def __init__(self, message: str, line: int | None = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line or 1
        self.hint = hint


class RenderError(BadRecord):
    """One message that cannot be rendered. The text names fields and limits, never a customer's data."""

    def __init__(self, message: str) -> None:
        super().__init__("render_failed", message)
