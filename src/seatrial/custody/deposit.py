"""The deposit of an endpoint: a one-time token, the rules for its address, and the check again when connecting.

- A token is good once, for `TOKEN_TERM`; the store keeps its SHA-256.
- The address is https, on a host that the developer registered, without user, fragment or query, and never an address
  of a private, loopback, link-local, metadata or otherwise reserved range, unless the pack allows on-site endpoints.
- A name may resolve elsewhere later: `safe_addresses` judges what it resolves to at connect time, and the connection
  goes to an address it returned. Redirects are not followed.
- No fault repeats the address, the key or the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from seatrial.custody.credential import Endpoint, sealed_endpoint
from seatrial.custody.keys import CustodyError, check_id, new_id
from seatrial.custody.lease import refuse_ended
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seatrial.custody.credential import CredentialStore, SealedCredential
    from seatrial.custody.vault import Vault

TOKEN_TERM = timedelta(minutes=10)
"""Long enough to paste a key, short enough that a forgotten form is worth nothing."""

MAX_KEY_BYTES = 8192
"""Longest credential taken: long service tokens have some 2,000 characters."""

_TOKEN = re.compile(r"sea_dep_(dep_[0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)


class AddressRefused(CustodyError):
    """An endpoint's address that is against the rules; says which rule, not the address."""


class TokenRefused(CustodyError):
    """A deposit token that is unknown, used or over."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Where an endpoint may be: the developer's registered hosts, and whether on-site addresses are allowed."""

    hosts: frozenset[str]
    on_site: bool = False


@dataclass(frozen=True, slots=True)
class DepositToken:
    """The right to deposit once for one submission, as stored."""

    id: str
    digest: str
    submission: str
    expires: datetime


class TokenStore(Protocol):
    """Deposit tokens."""

    def put(self, token: DepositToken) -> None:
        """Keep a new one. Raises `ScopeEnded`."""
        ...

    def take(self, token: str, digest: str, now: datetime) -> str:
        """Use it up and return its submission; raises `TokenRefused` alike for unknown, used, ended and over."""
        ...


class MemoryTokenStore:
    """Deposit tokens of one process; `ended` tells which scopes take none any more."""

    def __init__(self, ended: Callable[[str], datetime | None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._ended = ended
        self._tokens: dict[str, DepositToken] = {}

    def put(self, token: DepositToken) -> None:
        """Keep a new one."""
        with self._lock:
            refuse_ended(self._ended, token.submission)
            self._tokens[token.id] = token

    def take(self, token: str, digest: str, now: datetime) -> str:
        """Use it up."""
        with self._lock:
            kept = self._tokens.get(token)
            if kept is None or not hmac.compare_digest(kept.digest, digest):
                raise TokenRefused("this deposit token is unknown, used or over; ask for a new one")
            del self._tokens[token]
            if now >= kept.expires or self._ended(kept.submission):
                raise TokenRefused("this deposit token is unknown, used or over; ask for a new one")
            return kept.submission


def issue_token(store: TokenStore, submission: str, now: datetime) -> Secret:
    """A one-time token, shown once."""
    check_id(submission, "sub")
    token = new_id("dep")
    text = f"sea_dep_{token}_{base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b'=').decode()}"
    store.put(DepositToken(token, _digest(text), submission, now + TOKEN_TERM))
    return Secret(text.encode())


def use_token(store: TokenStore, text: str, now: datetime) -> str:
    """The submission a token is for; the token is used up by it."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise TokenRefused("this is no deposit token")
    return store.take(match[1], _digest(text), now)


def deposit(
    submission: str,
    endpoint: Endpoint,
    rules: AddressRules,
    *,
    vault: Vault,
    credentials: CredentialStore,
    now: datetime,
) -> SealedCredential:
    """Check the address, seal the endpoint and keep it in place of a former one."""
    check_address(endpoint.base_url, rules)
    check_key(endpoint.key)
    sealed = sealed_endpoint(vault, new_id("crd"), submission, endpoint, now)
    credentials.put(sealed)
    return sealed


def check_key(key: Secret) -> None:
    """A credential as it may stand in a header: printable ASCII in one line."""
    raw = key.reveal()
    if not 1 <= len(raw) <= MAX_KEY_BYTES or not all(0x21 <= byte <= 0x7E for byte in raw):
        raise CustodyError(f"the credential has to be one line of 1 to {MAX_KEY_BYTES} printable ASCII characters")


def check_address(url: str, rules: AddressRules) -> str:
    """The address's host, or `AddressRefused`. Pure: nothing is resolved here."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("the address cannot be read: write https://host/path") from None
    if any(ord(char) <= 0x20 or ord(char) >= 0x7F or char == "\\" for char in url):
        raise AddressRefused("the address holds a space, a control character or a letter outside ASCII")
    if parts.scheme != "https" and not (rules.on_site and parts.scheme == "http"):
        raise AddressRefused("the address has to begin with https://")
    if parts.username is not None or parts.password is not None or "#" in url or "?" in url:
        raise AddressRefused("the address must hold no user, password, query or fragment")
    if port == 0:
        raise AddressRefused("the address names port 0")
    if host not in rules.hosts:
        raise AddressRefused("the host is not among those that the developer registered")
    _check_host(host, rules)
    return host


def _check_host(host: str, rules: AddressRules) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or host.rsplit(".", 1)[-1].isdigit() or re.search(r"(^|\.)0x", host):
            raise AddressRefused("the host is neither a name nor an address in its usual form") from None
        return
    if not allowed(address, rules):
        raise AddressRefused("the host is an address of a private, loopback, link-local, metadata or reserved range")


def allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address, rules: AddressRules) -> bool:
    """Whether a connection to this address may be made.

    >>> allowed(ipaddress.ip_address("169.254.169.254"), AddressRules(frozenset()))
    False
    """
    inner = _inner(address)
    if inner.is_multicast or inner.is_unspecified or inner.is_link_local or str(inner) in _METADATA:
        return False
    if rules.on_site and (inner.is_private or inner.is_loopback):
        return True
    return inner.is_global and not inner.is_reserved


_METADATA = frozenset({"169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"})
"""Addresses of clouds' metadata services, refused on site too."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside an IPv6 one that only carries it (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def resolved(host: str, port: int) -> tuple[str, ...]:
    """What the system resolves `host` to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def safe_addresses(
    host: str, port: int, rules: AddressRules, resolve: Callable[[str, int], Iterable[str]] = resolved
) -> tuple[str, ...]:
    """Addresses to connect to, judged at connect time. One forbidden among them refuses all: the name was turned."""
    found = tuple(resolve(host, port))
    if not found:
        raise AddressRefused("the host resolves to nothing")
    if not all(allowed(ipaddress.ip_address(address.partition("%")[0]), rules) for address in found):
        raise AddressRefused("the host now resolves to an address that is not allowed")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
