r"""security.txt (RFC 9116): where a report goes, and until when the file may be believed.

- `Expires` stands there once, or the file is unusable; an expired file is unusable. So says the RFC, section 2.5.5.
- `Contact` in order of preference: mailto, https or tel, nothing else. A contact over plain http is not used.
- Comments and unknown fields are skipped. A cleartext signature around it is taken off and not checked here.

>>> from datetime import UTC, datetime
>>> read = parse("Contact: mailto:sec@example.org\nExpires: 2027-01-01T00:00:00Z\n")
>>> read.usable(datetime(2026, 12, 1, tzinfo=UTC)), read.usable(datetime(2027, 1, 1, tzinfo=UTC)), read.contacts
(True, False, ('mailto:sec@example.org',))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from seatrial.framework.instant import NaiveTime, instant

MAX_BYTES = 32 * 1024
"""RFC 9116, section 5.5: a consumer sets a limit; 32 KB is the one that it suggests."""
_FIELD = re.compile(r"([A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_SCHEMES = ("mailto:", "https://", "tel:")


@dataclass(frozen=True, slots=True)
class SecurityTxt:
    """What the file says. `expires` is None where it is missing, twice, or no time."""

    contacts: tuple[str, ...] = ()
    expires: datetime | None = None
    encryption: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()

    def usable(self, now: datetime) -> bool:
        """Whether it may be believed at `now`: it names a contact, and its one expiry is still to come."""
        return bool(self.contacts) and self.expires is not None and now < self.expires


def parse(text: str) -> SecurityTxt:
    """Read the file; what it does not say is empty."""
    fields: dict[str, list[str]] = {}
    for line in _unsigned(text[:MAX_BYTES]).splitlines():
        match = None if line.startswith("#") else _FIELD.fullmatch(line)
        if match:
            fields.setdefault(match[1].lower(), []).append(match[2])
    languages = fields.get("preferred-languages", [""])[0]
    return SecurityTxt(
        tuple(contact for contact in fields.get("contact", ()) if contact.lower().startswith(_SCHEMES)),
        _expires(fields.get("expires", [])),
        tuple(fields.get("encryption", ())),
        tuple(fields.get("policy", ())),
        tuple(tag.strip() for tag in languages.split(",") if tag.strip()),
        tuple(fields.get("canonical", ())),
    )


def _expires(written: list[str]) -> datetime | None:
    if len(written) != 1:
        return None
    try:
        return instant(written[0], "expires")
    except NaiveTime:
        return None


def _unsigned(text: str) -> str:
    if not text.startswith(_SIGNED):
        return text
    body = text.partition("\n\n")[2] or text.partition("\r\n\r\n")[2]
    return "\n".join(line.removeprefix("- ") for line in body.partition(_SIGNATURE)[0].splitlines())
