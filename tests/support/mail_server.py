"""A mail server on loopback that keeps what it took, and says, hangs or hangs up as a test tells it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any, cast

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP

TAKEN = "250 taken"
HANG_UP = "hang up"
HANG = "hang"


@dataclass
class Mailbox:
    """What the server took, and its next answers to a recipient or to a letter; `TAKEN` once they are used up."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    to_recipients: list[str] = field(default_factory=list)
    to_letters: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    then: Callable[[], object] = lambda: None

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        _session: Any,  # noqa: ANN401 - the library's
        envelope: Any,  # noqa: ANN401 - the same
        address: str,
        _options: list[str],
    ) -> str:
        answer = self.to_recipients.pop(0) if self.to_recipients else TAKEN
        if answer == HANG:
            await asyncio.sleep(3600)
        if answer == HANG_UP:
            cast("Any", server.transport).abort()
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802 - the library's
        answer = self.to_letters.pop(0) if self.to_letters else TAKEN
        if answer == TAKEN:
            message = message_from_bytes(envelope.content, policy=policy.default)
            message["X-To"] = envelope.rcpt_tos[0]
            self.taken.append(message)
            self.over_tls.append(session.ssl is not None)
            self.then()
        return answer

    def subjects(self) -> list[str]:
        """Of what was taken, in order."""
        return [str(one["Subject"]) for one in self.taken]

    def text(self) -> str:
        """Everything that was taken, headers and all."""
        return "\n".join(one.as_string() for one in self.taken)


@contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None, **given: Any) -> Iterator[Mailbox]:  # noqa: ANN401
    """A server for the time of a test; with `tls` it offers STARTTLS; `given` goes to the library."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0, tls_context=tls, **given)
    controller.port = _free()
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def _free() -> int:
    import socket  # noqa: PLC0415 - this one use

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
