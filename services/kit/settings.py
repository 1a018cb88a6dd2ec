"""Settings of a process, from the environment alone: typed, checked once, passed in.

docs/settings.md describes every one; a test compares the two. Secrets never appear in `repr` or in messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from services.kit.errors import Misconfigured

SHORTEST_SECRET = 32
SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_BOOTSTRAP = re.compile(r"[^\s:,/]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,100}")
FEWEST_DAYS, MOST_DAYS = 7, 36_500  # of recorded events


@dataclass(frozen=True)
class Settings:
    """What a process is told. Empty text and None mean: not set."""

    workspace: Path = Path()
    database_url: str = field(default="", repr=False)
    data: Path = Path(".wici")
    kafka: str = ""
    kafka_security: str = "PLAINTEXT"
    kafka_username: str = ""
    kafka_password: str = field(default="", repr=False)
    kafka_ca: Path | None = None
    port: int = 0
    public_url: str = ""
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    console_keys: tuple[str, ...] = field(default=(), repr=False)
    instance: str = ""
    only_to: tuple[str, ...] = ()
    topic_prefix: str = ""
    keep_events: int = 400
    log: Literal["text", "json"] = "text"
    clock: Literal["real", "movable"] = "real"

    @property
    def kafka_protocol(self) -> str:
        """Kafka's `security.protocol`."""
        return self.kafka_security.split(":")[0]

    @property
    def kafka_mechanism(self) -> str:
        """Kafka's `sasl.mechanism`; PLAIN unless named behind a colon."""
        return [*self.kafka_security.split(":"), "PLAIN"][1]

    def topic(self, name: str) -> str:
        """The topic `name` as this installation calls it."""
        return self.topic_prefix + name

    def serving(self, default_port: int) -> Settings:
        """The same, with port and public URL decided for a process that serves HTTP."""
        port = self.port or default_port
        return replace(self, port=port, public_url=self.public_url or f"http://127.0.0.1:{port}")


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Misconfigured, naming the variable and what to write, at the first that is wrong.

    A variable that is set to nothing counts as not set. `NAME_FILE` names a file that holds NAME's value.
    """
    known = {*VARIABLES, *(f"{name}_FILE" for name in VARIABLES)}
    given = {name: value.strip() for name, value in environ.items() if name in known and value.strip()}
    values = {VARIABLES[name]: _READERS[name][1](text) for name, text in _resolve_files(given).items()}
    settings = Settings(**values)
    _check_together(settings)
    return settings


def unknown(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like settings but are none, each with the setting that may be meant, or nothing.

    They are worth a warning, not a refusal: orchestrators put variables of their own beside ours.
    """
    names = [name for name in environ if name.startswith("WICI_") and name.removesuffix("_FILE") not in VARIABLES]
    return {name: "".join(get_close_matches(name, VARIABLES, 1, 0.8)) for name in sorted(names)}


def masked(settings: Settings) -> dict[str, str]:
    """Every variable with its resolved value as text, secrets hidden, in the order of the documentation."""
    return {name: _shown(name, getattr(settings, attribute)) for name, attribute in VARIABLES.items()}


def without_password(url: str) -> str:
    """Return a database URL that may be shown."""
    return re.sub(r"//([^:/@]*):.*@", r"//\1:***@", url)


def _shown(name: str, value: Any) -> str:
    if name == "WICI_DATABASE_URL":
        return without_password(value)
    if name in {"WICI_KAFKA_PASSWORD", "WICI_SECRET_KEY", "WICI_CONSOLE_KEYS"}:
        return ", ".join("***" for _ in ([value] if isinstance(value, str) and value else value))
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value in (None, 0) else str(value)


def _resolve_files(given: Mapping[str, str]) -> dict[str, str]:
    values = {name: text for name, text in given.items() if name in VARIABLES}
    for name, path in given.items():
        if name not in VARIABLES:
            values[name.removesuffix("_FILE")] = _read_file(name, path)
    return values


def _read_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{variable} names a file that cannot be read: {error}. Correct the path.") from error


def _database_url(text: str) -> str:
    if text.split("://", maxsplit=1)[0] not in {"postgresql", "postgres"}:
        raise Misconfigured(
            "WICI_DATABASE_URL is no PostgreSQL URL. Write postgresql://user:password@host:5432/database."
        )
    return text


def _kafka(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    if not all(_BOOTSTRAP.fullmatch(server) for server in servers):
        raise Misconfigured(f"WICI_KAFKA={text} is no list of brokers. Write host:9092, or host1:9092,host2:9092.")
    return ",".join(servers)


def _security(text: str) -> str:
    protocol, _, mechanism = text.partition(":")
    if protocol not in SECURITY or (mechanism and (mechanism not in MECHANISMS or not protocol.startswith("SASL"))):
        allowed = f"{', '.join(SECURITY)}; after SASL_… a mechanism may follow: SASL_SSL:SCRAM-SHA-512"
        raise Misconfigured(f"WICI_KAFKA_SECURITY={text} is unknown. Write one of {allowed}.")
    return text


def _existing_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise Misconfigured(f"WICI_KAFKA_CA={text} is no file. Write the path of the broker's CA certificate (PEM).")
    return path


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise Misconfigured(f"WICI_PORT={text} is no port. Write a number from 1 to 65535.")
    return int(text)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise Misconfigured(
            f"WICI_PUBLIC_URL={text} is no base URL. Write what the internet sees: https://wici.shop.example."
        )
    return text.rstrip("/")


def _secrets(variable: str, order: str) -> Callable[[str], tuple[str, ...]]:
    """Reads keys that nobody can guess, comma-separated."""

    def read(text: str) -> tuple[str, ...]:
        keys = tuple(key.strip() for key in text.split(",") if key.strip())
        if any(len(key) < SHORTEST_SECRET for key in keys):
            raise Misconfigured(
                f"{variable} holds a key shorter than {SHORTEST_SECRET} characters. Write a random one, {order}: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return keys

    return read


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not FEWEST_DAYS <= int(text) <= MOST_DAYS:
        raise Misconfigured(f"WICI_KEEP_EVENTS is no number of days. Write {FEWEST_DAYS} to {MOST_DAYS}, such as 400.")
    return int(text)


def _instance(text: str) -> str:
    if not _INSTANCE.fullmatch(text):
        raise Misconfigured(f"WICI_INSTANCE={text} is no name. Write letters, digits, dots, hyphens: engine-1.")
    return text


def _only_to(text: str) -> tuple[str, ...]:
    return tuple(part.strip().casefold() for part in text.split(",") if part.strip())


def _topic_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise Misconfigured(f"WICI_TOPIC_PREFIX={text} cannot begin a topic's name. Write letters, digits, . _ - only.")
    return text


def _log(text: str) -> str:
    if text not in {"text", "json"}:
        raise Misconfigured(f"WICI_LOG={text} is unknown. Write text or json.")
    return text


def _clock(text: str) -> str:
    if text not in {"real", "movable"}:
        raise Misconfigured(f"WICI_CLOCK={text} is unknown. Write movable to test with moved time, or nothing.")
    return text


def _check_together(settings: Settings) -> None:
    sasl = settings.kafka_protocol.startswith("SASL")
    if sasl and not (settings.kafka_username and settings.kafka_password):
        raise Misconfigured("WICI_KAFKA_SECURITY wants SASL. Write WICI_KAFKA_USERNAME and WICI_KAFKA_PASSWORD too.")
    if not sasl and (settings.kafka_username or settings.kafka_password):
        raise Misconfigured("WICI_KAFKA_USERNAME and _PASSWORD need WICI_KAFKA_SECURITY=SASL_SSL:SCRAM-SHA-512.")


# Each variable: the attribute that it fills, and what reads its text.
_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "WICI_WORKSPACE": ("workspace", Path),
    "WICI_DATABASE_URL": ("database_url", _database_url),
    "WICI_DATA": ("data", Path),
    "WICI_KAFKA": ("kafka", _kafka),
    "WICI_KAFKA_SECURITY": ("kafka_security", _security),
    "WICI_KAFKA_USERNAME": ("kafka_username", str),
    "WICI_KAFKA_PASSWORD": ("kafka_password", str),
    "WICI_KAFKA_CA": ("kafka_ca", _existing_file),
    "WICI_PORT": ("port", _port),
    "WICI_PUBLIC_URL": ("public_url", _public_url),
    "WICI_SECRET_KEY": ("secret_keys", _secrets("WICI_SECRET_KEY", "newest first")),
    "WICI_CONSOLE_KEYS": ("console_keys", _secrets("WICI_CONSOLE_KEYS", "one for each who asks")),
    "WICI_INSTANCE": ("instance", _instance),
    "WICI_ONLY_TO": ("only_to", _only_to),
    "WICI_KEEP_EVENTS": ("keep_events", _days),
    "WICI_TOPIC_PREFIX": ("topic_prefix", _topic_prefix),
    "WICI_LOG": ("log", _log),
    "WICI_CLOCK": ("clock", _clock),
}
VARIABLES: Mapping[str, str] = {variable: attribute for variable, (attribute, _) in _READERS.items()}
