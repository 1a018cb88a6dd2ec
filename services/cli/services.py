"""The services by name: how each is built, and the port that it serves on by itself."""

from __future__ import annotations

from collections.abc import Callable

from services.kit.errors import Misconfigured
from services.kit.service import Context, Service

Build = Callable[[Context], Service]
PORTS = {"gateway": 8080, "trigger-engine": 8081, "notifier": 8082, "console": 8083}
EVERYTHING_PORT = 8080


def builder(name: str) -> Build:
    """What builds the service `name`; only its own code is imported."""
    if name == "gateway":
        from services.gateway.app import build as gateway

        return gateway
    if name == "trigger-engine":
        from services.trigger_engine.service import build as trigger_engine

        return trigger_engine
    if name == "notifier":
        from services.notifier.service import build as notifier

        return notifier
    if name == "console":
        from services.console.app import build as console

        return console
    raise Misconfigured(f"There is no service {name!r}. Write one of {', '.join(PORTS)}.")
