"""The mail server that letters are handed to, as the environment names it.

- `SEATRIAL_MAIL` is `smtp://[user@]host[:port]` or `smtps://…`; the password is a file that its owner alone reads.
- TLS is verified. Over `smtp` it is begun wherever the server offers it; a password never goes over a line without it,
  unless the server is this host.
- What a server says of a letter is kept as its number: its text may repeat the address.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

MAIL, PASSWORD_FILE, FROM, URL = "SEATRIAL_MAIL", "SEATRIAL_MAIL_PASSWORD_FILE", "SEATRIAL_MAIL_FROM", "SEATRIAL_URL"
DEFAULT_FROM, DEFAULT_URL = "seatrial@localhost", "http://localhost:8400"
PORTS = {"smtps": 465, "smtp": 587}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TIMEOUT_S = 30.0
"""Of one answer: a server that takes longer is held to hang."""
FIRST_FOREVER = 500
"""SMTP numbers from here on say that trying again would not help."""


class BadMail(ValueError):
    """Settings of the mail server that do not hold."""


class ServerTrouble(Exception):
    """The server takes no letter at all: away, not to be trusted, or not taking our name. No letter was tried."""


class NotTaken(Exception):
    """The server did not take one letter; `forever`: it never will."""

    def __init__(self, reason: str, *, forever: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.forever, self.lost = forever, lost


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in, and as whom; `url` is where their links lead."""

    host: str
    port: int
    tls: bool
    user: str
    password_file: Path | None
    sender: str
    url: str
    timeout_s: float = TIMEOUT_S

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> MailServer | None:
        """The server that the environment names; None where it names none.

        Raises:
            BadMail: it names something else.
        """
        given = environment.get(MAIL, "")
        if not given:
            return None
        try:
            parts = urlsplit(given)
            port = parts.port or PORTS[parts.scheme]
        except (KeyError, ValueError) as error:
            raise BadMail(f"{MAIL}: write smtp://host:port or smtps://user@host:port") from error
        if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise BadMail(f"{MAIL}: write smtp://host:port or smtps://user@host:port")
        if parts.password is not None:
            raise BadMail(f"{MAIL}: holds a password; name a file in {PASSWORD_FILE} instead")
        file = environment.get(PASSWORD_FILE)
        return cls(
            parts.hostname,
            port,
            parts.scheme == "smtps",
            unquote(parts.username or ""),
            Path(file) if file else None,
            environment.get(FROM) or DEFAULT_FROM,
            (environment.get(URL) or DEFAULT_URL).rstrip("/"),
        )

    def line(self) -> Line:
        """A line to the server, signed in.

        Raises:
            ServerTrouble: there is none to be had.
        """
        try:
            return Line(self._opened(), self.sender)
        except (OSError, smtplib.SMTPException) as error:
            raise ServerTrouble(f"{self.host}:{self.port}: {_said(error)}") from error

    def _opened(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            smtp.ehlo()
            secured = self.tls
            if not self.tls and smtp.has_extn("starttls"):
                smtp.starttls(context=context)
                smtp.ehlo()
                secured = True
            if self.user:
                self._sign_in(smtp, secured=secured)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _sign_in(self, smtp: smtplib.SMTP, *, secured: bool) -> None:
        if not secured and self.host not in LOOPBACK:
            raise ServerTrouble(f"{self.host}: offers no TLS, and a password does not go there without it")
        if self.password_file is None:
            raise ServerTrouble(f"{MAIL} names a user; name the file of the password in {PASSWORD_FILE}")
        if self.password_file.stat().st_mode & 0o077:
            raise ServerTrouble(f"{self.password_file}: others can read it; run: chmod 600 {self.password_file}")
        smtp.login(self.user, self.password_file.read_text("utf-8").strip())


class Line:
    """An open line to a server."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        self._smtp, self._sender = smtp, sender

    def close(self) -> None:
        """Hang up. What was taken is taken: no goodbye is waited for."""
        self._smtp.close()

    def hand_in(self, message: EmailMessage, address: str) -> None:
        """Hand one letter in.

        Raises:
            NotTaken: the server did not take this one, or the line went while it was handed in.
            ServerTrouble: the server takes none from this sender.
        """
        try:
            self._smtp.send_message(message, self._sender, [address])
        except smtplib.SMTPRecipientsRefused as error:
            [(number, _)] = error.recipients.values()
            raise NotTaken(f"{number}", forever=number >= FIRST_FOREVER) from error
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code >= FIRST_FOREVER:
                raise ServerTrouble(f"the sender {self._sender} is not taken: {error.smtp_code}") from error
            raise NotTaken(f"{error.smtp_code}") from error
        except smtplib.SMTPResponseException as error:
            raise NotTaken(f"{error.smtp_code}", forever=error.smtp_code >= FIRST_FOREVER) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(type(error).__name__, lost=True) from error


def _said(error: Exception) -> str:
    number = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {number}" if number else f"{type(error).__name__}: {error}"
