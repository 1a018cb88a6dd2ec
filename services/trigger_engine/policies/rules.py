"""A workspace's policies, made ready for decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import msgspec

from services.contracts.message import Channel, MessageClass
from services.contracts.policies import Cap, QuietHours
from services.contracts.settings import Settings
from services.trigger_engine.profiles.identifiers import country

LEAST_PATIENCE = timedelta(days=30)


class Rules(msgspec.Struct, frozen=True):
    """`counts_as` has every class. `country` is the shop's; `patience` is how long one step waits in all, at most."""

    counts_as: dict[MessageClass, MessageClass]
    quiet_hours: dict[Channel, QuietHours]
    caps: tuple[Cap, ...]
    country: str
    patience: timedelta

    @property
    def says_nothing(self) -> bool:
        """Whether no message ever waits or is dropped."""
        return not (self.quiet_hours or self.caps)


def ready(settings: Settings) -> Rules:
    """The policies of a workspace."""
    policies = settings.policies
    classes: tuple[MessageClass, ...] = get_args(MessageClass)
    longest = timedelta(seconds=max((cap.per for cap in policies.caps), default=0.0))
    return Rules(
        counts_as={klass: policies.classes.get(klass, klass) for klass in classes},
        quiet_hours=policies.quiet_hours,
        caps=policies.caps,
        country=settings.shop.country or country(settings.shop.time_zone, settings.shop.locale),
        patience=max(LEAST_PATIENCE, 2 * longest),
    )
