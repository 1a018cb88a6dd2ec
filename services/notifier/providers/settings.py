"""An account's options in `wici.yaml`, read into a provider's typed settings with every `$NAME` resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from services.contracts.policies import MONEY
from services.contracts.settings import Account
from services.kit.errors import Misconfigured
from services.kit.secrets import Secret, is_reference, resolve

_LISTS = ("callback_key", "callback_token")


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every account may set.

    `base_url` replaces the vendor's address; `rate` is calls per second (None: as fast as the provider lets);
    `batch: 1` sends singly. `settle_after` is for how many seconds an attempt that stayed unanswered waits for a
    callback, where the provider has no idempotency (None: 30 minutes). `price` is what one part of an SMS costs, as
    `0.09 PLN`: the brake counts with it.
    """

    base_url: str = ""
    rate: float | None = None
    batch: int | None = None
    settle_after: float | None = None
    price: str | None = None

    def __post_init__(self) -> None:
        if urlsplit(self.base_url).scheme not in ("http", "https") or not urlsplit(self.base_url).hostname:
            raise ValueError("base_url: write https://host")
        if self.base_url.endswith("/"):
            msgspec.structs.force_setattr(self, "base_url", self.base_url.rstrip("/"))
        if self.rate is not None and not self.rate > 0:
            raise ValueError("rate: write a number of calls per second above 0")
        if self.batch is not None and self.batch < 1:
            raise ValueError("batch: write 1 or more")
        if self.price is not None and not re.fullmatch(MONEY, self.price):
            raise ValueError("price: write an amount and its currency, such as 0.09 PLN")


S = TypeVar("S", bound=AccountSettings)


def read(kind: type[S], account: Account, environ: Mapping[str, str], public_url: str = "") -> S:
    """The settings of `account`. Misconfigured names the account, the option and what to write instead.

    A secret must be written as `$NAME`. A callback key or token may be one or a list (two while a new one replaces
    an old one). A provider that is told with each message where to report (`callback_url`) is told the account's
    address under `public_url`, unless another is written.
    """
    try:
        options = {name: _resolved(_listed(name, value), environ) for name, value in account.options.items()}
        if public_url and "callback_url" in option_names(kind):
            options.setdefault("callback_url", f"{public_url}/callbacks/{account.name}")
        return msgspec.convert(_plain(kind, options), kind, dec_hook=_secret)
    except Misconfigured as problem:
        raise Misconfigured(f"account {account.name} ({account.provider}): {problem}") from None
    except msgspec.ValidationError as problem:
        raise Misconfigured(f"account {account.name} ({account.provider}): {problem}") from None


def option_names(kind: type[AccountSettings]) -> tuple[str, ...]:
    """The options that an account of this kind knows, as they are written in `wici.yaml`."""
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def _listed(name: str, value: Any) -> Any:
    return [value] if name in _LISTS and not isinstance(value, list | tuple) else value


def _resolved(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str) and is_reference(value):
        return Secret(resolve(value, environ))
    if isinstance(value, list | tuple):
        return [_resolved(one, environ) for one in value]
    return value


def _plain(kind: type[AccountSettings], options: dict[str, Any]) -> dict[str, Any]:
    """Options that hold no secret may be references too: their fields get the text itself."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return {
        name: value.reveal() if isinstance(value, Secret) and fields.get(name) in (str, str | None) else value
        for name, value in options.items()
    }


def _secret(kind: type[Any], value: Any) -> Any:
    if kind is Secret and not isinstance(value, Secret):
        raise ValueError("a secret is not written here: write $NAME and set NAME in the environment")
    return value
