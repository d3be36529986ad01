"""Where an endpoint may be, before and when it is connected to; and that a deposit is sealed."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.credential import Endpoint, opened_endpoint
from seatrial.custody.deposit import AddressRefused, AddressRules, allowed, check_address, deposit, safe_addresses
from seatrial.custody.keys import CustodyError
from seatrial.custody.secret import Secret
from support.sealed import NOW, SUBMISSION, Stores

if TYPE_CHECKING:
    from pathlib import Path

HOST = "models.example.com"
RULES = AddressRules(frozenset({HOST, "8.8.8.8", "127.0.0.1", "10.0.0.1", "::1", "0x7f.1", "127.1", "2130706433"}))
ON_SITE = AddressRules(RULES.hosts | {"169.254.169.254"}, on_site=True)


@pytest.mark.parametrize(
    "url", [f"https://{HOST}/v1", f"https://{HOST}:8443/", "https://8.8.8.8/v1", f"https://{HOST.upper()}/"]
)
def test_a_registered_host_by_https_is_allowed(url: str) -> None:
    check_address(url, RULES)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/v1",
        f"ftp://{HOST}/",
        f"//{HOST}/",
        "https://other.example.com/",
        f"https://user:pw@{HOST}/",
        f"https://{HOST}@evil.example/",
        f"https://{HOST}/v1?key=1",
        f"https://{HOST}/v1#x",
        f"https://{HOST}:0/",
        f"https://{HOST}:99999/",
        f"https://{HOST}\\@evil.example/",
        f"https://{HOST} /",
        f"https://{HOST}/\r\nHost: evil",
        f"https://{HOST}.evil.example/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://",
        "https://[",
        "",
    ],
)
def test_any_other_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        check_address(url, RULES)
    assert "evil" not in str(refused.value)
    assert HOST not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - judged, not bound
        "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "100.100.100.200",
    ],
)  # fmt: skip
def test_a_private_or_metadata_address_is_refused_in_every_clothing(address: str) -> None:
    assert not allowed(ipaddress.ip_address(address), RULES)


def test_on_site_allows_private_addresses_but_never_metadata() -> None:
    for address in ("127.0.0.1", "10.0.0.1", "fd12::1"):
        assert allowed(ipaddress.ip_address(address), ON_SITE)
    for address in ("169.254.169.254", "fd00:ec2::254", "224.0.0.1", "::ffff:169.254.169.254"):
        assert not allowed(ipaddress.ip_address(address), ON_SITE)
    check_address("http://127.0.0.1/v1", ON_SITE)


def test_a_name_that_turns_is_refused_when_connecting() -> None:
    assert safe_addresses(HOST, 443, RULES, lambda _host, _port: ["8.8.8.8"]) == ("8.8.8.8",)
    for turned in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1%eth0"], []):
        with pytest.raises(AddressRefused):
            safe_addresses(HOST, 443, RULES, lambda _host, _port, turned=turned: turned)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_deposit_is_sealed_and_opens_with_both_halves(kind: str, tmp_path: Path) -> None:
    stores = Stores(kind, tmp_path)
    endpoint = Endpoint(f"https://{HOST}/v1", "openai", Secret(b"sk-canary"), "lab-a", Secret(b"PEM"), "CA")
    sealed = deposit(SUBMISSION, endpoint, RULES, vault=stores.vault, credentials=stores.credentials, now=NOW)
    assert opened_endpoint(stores.vault, stores.credentials.get(SUBMISSION), NOW) == endpoint
    assert b"canary" not in sealed.sealed
    assert HOST.encode() not in sealed.sealed
    assert "canary" not in repr(endpoint)
    assert HOST not in repr(endpoint)
    for key in (b"", b"two\nlines", b"\xff", b"x" * 9000):
        with pytest.raises(CustodyError):
            deposit(
                SUBMISSION,
                Endpoint(f"https://{HOST}/v1", "openai", Secret(key), "lab-a"),
                RULES,
                vault=stores.vault,
                credentials=stores.credentials,
                now=NOW,
            )
