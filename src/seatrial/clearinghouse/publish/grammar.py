"""The grammars of what an advisory names: one line, prose, addresses, instants, purls, CPEs, and the ids of others.

- A text that does not fit is refused with what would fit; nothing is repaired.
- Limits are the least that any of the formats allows, so that one set goes out in all of them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from packageurl import PackageURL
from pydantic import AfterValidator, StringConstraints

from seatrial.framework.instant import utc

CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
GHSA = re.compile(r"GHSA(-[23456789cfghjmpqrvwx]{4}){3}")
CPE_23 = re.compile(
    r"cpe:2\.3:[aho*\-](:(((\?*|\*?)([a-zA-Z0-9\-._]|(\\[\\*?!\"#$%&'()+,/:;<=>@\[\]\^`{|}~]))+(\?*|\*?))|[*\-])){5}"
    r"(:(([a-zA-Z]{2,3}(-([a-zA-Z]{2}|[0-9]{3}))?)|[*\-]))"
    r"(:(((\?*|\*?)([a-zA-Z0-9\-._]|(\\[\\*?!\"#$%&'()+,/:;<=>@\[\]\^`{|}~]))+(\?*|\*?))|[*\-])){4}"
)
URL = re.compile(
    r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
    r"(/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    r"(#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
"""An http(s) address of RFC 3986, by host name and without a user."""
NEEDS_VERSION = frozenset({"swift", "cran"})
NEEDS_NAMESPACE = frozenset({"maven", "swift"})
NEEDS_NO_NAMESPACE = frozenset({"oci", "mlflow"})
"""Types whose own definition asks for a version, for a namespace, or for none."""
TITLE_CHARACTERS = 256
"""Of a title: the least that a format allows (CVE record)."""
VERSION_CHARACTERS = 1024
"""Of a version or a range: the least that a format allows (CVE record, CycloneDX)."""
URL_LONGEST = 2048
"""Of an address: the least that a format allows (CVE record)."""


def one_line(text: str) -> str:
    """The line, without outer spaces.

    Raises:
        ValueError: It is blank or has a control character.
    """
    if not text.strip() or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("one line of text, not blank and without control characters")
    return text.strip()


def _prose(text: str) -> str:
    if not text.strip():
        raise ValueError("text that is not blank")
    return text


def _url(text: str) -> str:
    if not URL.fullmatch(text):
        raise ValueError("an http(s) address in ASCII, with other characters percent-encoded")
    return text


def _instant(value: datetime) -> datetime:
    return utc(value, "instant").replace(microsecond=0)


def _purl(text: str) -> str:
    if not text:
        return ""
    try:
        return PackageURL.from_string(text).to_string()
    except (TypeError, AttributeError, IndexError) as error:  # the library stumbles over a name of slashes alone
        raise ValueError(f"a purl (pkg:type/namespace/name); {text[:60]!r} has no name") from error


def _cpe(text: str) -> str:
    if text and not CPE_23.fullmatch(text):
        raise ValueError("a CPE 2.3 formatted string (cpe:2.3:a:vendor:product:…)")
    return text


Line = Annotated[str, AfterValidator(one_line)]
Version = Annotated[str, StringConstraints(max_length=VERSION_CHARACTERS)]
Title = Annotated[str, AfterValidator(one_line), StringConstraints(max_length=TITLE_CHARACTERS)]
Prose = Annotated[str, AfterValidator(_prose)]
Url = Annotated[str, StringConstraints(max_length=URL_LONGEST), AfterValidator(_url)]
Instant = Annotated[datetime, AfterValidator(_instant)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Purl = Annotated[str, AfterValidator(_purl)]
Cpe = Annotated[str, AfterValidator(_cpe)]
Uuid4 = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]


def portable(purl: str) -> str:
    """The purl, where every reader of purls takes it: some types are refused without a part, or with one."""
    if purl:
        parsed = PackageURL.from_string(purl)
        absent = parsed.type in NEEDS_VERSION and not parsed.version
        homeless = parsed.type in NEEDS_NAMESPACE and not parsed.namespace
        housed = parsed.type in NEEDS_NO_NAMESPACE and parsed.namespace
        strange = parsed.type == "conan" and parsed.namespace and not parsed.qualifiers
        twice = "%25" in purl.partition("?")[2]  # a percent sign in a qualifier: some readers decode it twice
        if absent or homeless or housed or strange or twice:
            return ""
    return purl


def file_name(tracking_id: str) -> str:
    """The file that CSAF names after an id: lower case, and one `_` for whatever is no letter, digit, `+` or `-`."""
    return re.sub(r"[^+\-a-z0-9]+", "_", tracking_id.lower()) + ".json"
