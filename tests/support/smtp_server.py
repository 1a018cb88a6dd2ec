"""A real SMTP server on loopback (aiosmtpd), in a thread, that takes mails or misbehaves at a step as it is told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DROP, SILENCE = "drop", "silence"
"""Instead of a reply: the connection is cut, or nothing is said for a while."""


class Handler:
    """`say[step]` is the reply of the next dialogues at `mail`, `rcpt` or `data`; DATA is read before it is said."""

    def __init__(self) -> None:
        self.say: dict[str, str] = {}
        self.mails: list[Envelope] = []
        self.connections = 0
        self.logins: list[tuple[bytes, bytes]] = []

    async def _said(self, step: str, server: SMTP, good: str) -> str:
        said = self.say.get(step, good)
        if said == DROP:
            cast("asyncio.Transport", server.transport).abort()
        if said == SILENCE:
            await asyncio.sleep(5)
        return said

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        envelope.mail_from, envelope.mail_options = sender, options
        return await self._said("mail", server, "250 2.1.0 Ok")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, recipient: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(recipient)
        return await self._said("rcpt", server, "250 2.1.5 Ok")

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return await self._said("data", server, f"250 2.0.0 Ok: queued as Q{len(self.mails)}")


class SmtpServer:
    """`with SmtpServer() as server: … server.port`. With `tls`, a certificate for 127.0.0.1 that nobody signed."""

    def __init__(self, folder: Path | None = None, *, tls_from_start: bool = False, password: str = "") -> None:
        self.handler = Handler()
        self.certificate: Path | None = None
        self._password = password
        self._tls = self._certified(folder) if folder else None
        self._from_start = tls_from_start
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def trusted(self) -> ssl.SSLContext:
        """What a client needs in order to trust this server."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def _certified(self, folder: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate, secret = folder / "certificate.pem", folder / "key.pem"
        self.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, secret)
        return context

    def _protocol(self) -> SMTP:
        self.handler.connections += 1
        options: dict[str, Any] = {"hostname": "relay.example", "enable_SMTPUTF8": True}
        if self._tls and not self._from_start:
            options |= {"tls_context": self._tls, "require_starttls": True}
        if self._password:
            options |= {"authenticator": self._authenticated, "auth_required": True}
            # Of TLS from the first byte aiosmtpd knows nothing: it would ask for STARTTLS.
            options |= {"auth_require_tls": not self._from_start}
        return SMTP(self.handler, **options)

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.handler.logins.append((given.login, given.password))
        return AuthResult(success=given.password == self._password.encode(), handled=False)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        tls = self._tls if self._from_start else None
        server = await self._loop.create_server(self._protocol, sock=self._socket, ssl=tls)
        ready.set()
        await self._stop.wait()
        server.close()

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
