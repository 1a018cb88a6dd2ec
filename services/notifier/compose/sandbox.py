"""The environments in which templates are compiled and run: one that escapes (HTML), one that does not (text).

Data comes first: `order.items` is the field, never Python's method, and nothing else of an object can be reached.
Time and size are bounded without a clock or signals: by the language (no recursion), by steps spent per round of a
loop, by a limit on every value that operators make, and by a limit on the output, checked as it grows.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date
from typing import Any, NoReturn

from jinja2 import Template, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import UndefinedError
from jinja2.runtime import ChainableUndefined, Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.compose.errors import LanguageError, RenderError
from services.notifier.compose.exact import number
from services.notifier.compose.filters import limited_range
from services.notifier.compose.language import check
from services.notifier.compose.registry import FILTERS, INTERNAL_FILTERS, TESTS
from services.notifier.compose.rewrite import Rewriter

_LOOP = frozenset({
    "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
    "revindex", "revindex0",
})  # fmt: skip
_DATE = frozenset({"year", "month", "day", "hour", "minute"})
_TOO_COMPLEX = "the template is nested too deeply; use fewer levels of if, for and brackets"


def _printable(value: Any) -> Any:
    return "" if value is None else value


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja restricted to services/notifier/compose/language.py."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, *, escape: bool) -> None:
        super().__init__(
            autoescape=escape,
            undefined=ChainableUndefined,
            finalize=_printable,
            trim_blocks=not escape,
            lstrip_blocks=not escape,
            cache_size=0,
        )
        self.filters = FILTERS | INTERNAL_FILTERS
        self.tests = dict(TESTS)
        self.globals = {"range": limited_range}

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:  # noqa: ARG002
        """The functions of the language: a plain dict, which every rendering copies; Jinja's chain is slow to copy."""
        return self.globals

    def parsed(self, source: str) -> nodes.Template:
        """The checked and rewritten tree of a source. Raises LanguageError."""
        try:
            tree = super()._parse(source, None, None)
            check(tree)
            Rewriter().visit(tree)
        except TemplateSyntaxError as error:
            raise LanguageError(error.message or "not a template", error.lineno) from None
        except RecursionError:
            raise LanguageError(_TOO_COMPLEX) from None
        tree.set_environment(self)
        return tree

    def program(self, source: str) -> Template:
        """A source made ready to run. Raises LanguageError."""
        tree = self.parsed(source)
        try:
            return self.from_string(tree)
        except TemplateSyntaxError as error:
            raise LanguageError(error.message or "not a template", error.lineno) from None
        except (RecursionError, MemoryError, SyntaxError):
            raise LanguageError(_TOO_COMPLEX) from None

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of data; of anything else only what the language promises."""
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, Undefined):
            return obj
        if attribute in _LOOP and isinstance(obj, LoopContext):
            return getattr(obj, attribute)
        if attribute in _DATE and isinstance(obj, date):
            return getattr(obj, attribute, None)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a list or text by position, a field of data by name."""
        if isinstance(obj, (list, tuple, str)) and isinstance(argument, (int, slice)):
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(obj=obj, name=str(argument))
        if isinstance(obj, dict) and not isinstance(argument, str):
            return self.undefined(obj=obj, name=str(argument))
        return self.getattr(obj, argument)

    def is_safe_callable(self, obj: Any) -> bool:
        """range(), loop.cycle() and loop.changed()."""
        return obj is limited_range or isinstance(getattr(obj, "__self__", None), LoopContext)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Exact arithmetic on bounded numbers; decimal strings count as numbers."""
        one, other = number(left, operator), number(right, operator)
        if operator == "/" and isinstance(one, int):
            return self.binop_table[operator](number(str(one), operator), other)
        return self.binop_table[operator](one, other)


HTML = Sandbox(escape=True)
TEXT = Sandbox(escape=False)


def run(program: Template, variables: dict[str, Any], limit: int, part: str) -> str:
    """Render a program. Raises RenderError beyond `limit` characters, or for whatever goes wrong inside `part`."""
    size = 0
    chunks: list[str] = []
    try:
        for chunk in program.root_render_func(program.new_context(variables)):
            size += len(chunk)
            if size > limit:
                break
            chunks.append(chunk)
    except RenderError as error:
        raise RenderError(f"{part}: {error}") from None
    except Exception as error:  # noqa: BLE001 -- whatever a template does concerns its own message only
        _explain(error, part)
    if size > limit:
        raise RenderError(f"{part}: longer than {limit} characters")
    return "".join(chunks)


def _explain(error: Exception, part: str) -> NoReturn:
    """Name the kind of error; its text only where it cannot quote a customer's data."""
    reason = error if isinstance(error, UndefinedError) else type(error).__name__
    raise RenderError(f"{part}: {reason}") from None
