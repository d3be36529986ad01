"""OSV records: one for each vulnerability, for those who match packages.

- A record needs an id that the schema's registry of databases knows: the house's own prefix if it is registered there,
  else the GHSA or CVE id. Without one there is no record.
- Affected packages are those whose purl has an ecosystem; the others are named under `database_specific`.
- Each interval of a range is a range of its own, so that a fixed and a last affected version never meet in one.
- OSV has no excluded lower bound: such a range begins at the bound, and `database_specific` says so.

Source: OSSF, OSV schema 1.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from seatrial.clearinghouse.publish.advisory_set import Status
from seatrial.clearinghouse.publish.csaf_advisory import NotExpressible
from seatrial.clearinghouse.publish.label import generator
from seatrial.clearinghouse.publish.vers import Vers
from seatrial.clearinghouse.rating import cvss_vectors
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Product, Vulnerability
    from seatrial.clearinghouse.publish.vers import Interval

SCHEMA_VERSION = "1.7.3"
"""The newest version whose rules this writes; later ones add ecosystems and prefixes."""

REGISTERED = re.compile(
    r"^(ASB-A|PUB-A|ALSA|ALBA|ALEA|BELL|BIT|CGA|CURL|CVE|DSA|DLA|DTSA|ELA|ECHO|GHSA|GO|GSD|HSEC|KUBE|LBSEC|LSN|MAL|MINI|"
    r"MGASA|OESA|OSV|openSUSE-SU|PHSA|PSF|PYSEC|RHBA|RHEA|RHSA|RLSA|RXSA|RSEC|RUSTSEC|SUSE-[SRFO]U|UBUNTU|USN|V8)$"
)
_ECOSYSTEMS = {
    "cargo": "crates.io", "composer": "Packagist", "conan": "ConanCenter", "cran": "CRAN", "gem": "RubyGems",
    "golang": "Go", "hackage": "Hackage", "hex": "Hex", "maven": "Maven", "npm": "npm", "nuget": "NuGet", "pub": "Pub",
    "pypi": "PyPI", "swift": "SwiftURL",
}  # fmt: skip
_SEMANTIC = frozenset({"npm", "Go", "crates.io"})
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_SEPARATOR = {"Maven": ":"}


def osv_records(advisory: AdvisorySet) -> tuple[dict[str, Any], ...]:
    """A record for each vulnerability that has an id.

    Raises:
        NotExpressible: None of them has one.
    """
    records = tuple(_record(advisory, each, id_) for each in advisory.vulnerabilities if (id_ := _id(advisory, each)))
    if not records:
        raise NotExpressible(
            f"{advisory.id}: an OSV record needs a CVE or GHSA id, or a registered prefix of the house"
        )
    return records


def _id(advisory: AdvisorySet, vulnerability: Vulnerability) -> str:
    prefix = advisory.publisher.osv_prefix
    if prefix:
        if not REGISTERED.fullmatch(prefix):
            raise NotExpressible(f"{prefix!r} is no prefix registered with the OSV schema; register it, or set none")
        last = f"-{vulnerability.key}" if len(advisory.vulnerabilities) > 1 else ""
        return f"{prefix}-{advisory.id}{last}"
    return vulnerability.ghsa or vulnerability.cve


def _record(advisory: AdvisorySet, vulnerability: Vulnerability, id_: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "id": id_,
        "modified": text(advisory.released),
        "published": text(advisory.revisions[0].at),
        "aliases": [other for other in (vulnerability.cve, vulnerability.ghsa) if other and other != id_],
        "summary": vulnerability.title,
        "details": vulnerability.description,
        "severity": [
            {"type": kind, "score": cvss_vectors.read(vector).base_vector()}
            for kind, vector in (("CVSS_V4", vulnerability.cvss_4), ("CVSS_V3", vulnerability.cvss_3))
            if vector
        ],
        "affected": _affected(advisory, vulnerability),
        "references": [
            {"type": reference.kind.upper(), "url": reference.url}
            for reference in (*vulnerability.references, *advisory.references)
        ],
        "credits": [
            _credit(credit.name, credit.part, credit.url) for credit in vulnerability.credits or advisory.credits
        ],
        "database_specific": _specific(advisory, vulnerability),
    }
    return {name: value for name, value in record.items() if value not in ([], {})}


def _credit(name: str, part: str, url: str | None) -> dict[str, Any]:
    kind = part.upper()
    return {"name": name, "type": kind} | ({"contact": [url]} if url else {})


def _specific(advisory: AdvisorySet, vulnerability: Vulnerability) -> dict[str, Any]:
    unlisted = [
        advisory.product(key).label
        for key in vulnerability.products(Status.AFFECTED)
        if _package(advisory.product(key)) is None
    ]
    specific: dict[str, Any] = {"advisory": advisory.id, "generator": generator(), "cwe_ids": list(vulnerability.cwes)}
    specific |= {"ai_origin": advisory.ai_origin.value, "suggested_fix_ai_origin": advisory.patch_ai_origin.value}
    specific["affected_outside_ecosystems"] = unlisted
    return {name: value for name, value in specific.items() if value}


def _package(product: Product) -> dict[str, str] | None:
    if not product.portable_purl:
        return None
    purl = PackageURL.from_string(product.portable_purl)
    ecosystem = _ECOSYSTEMS.get(purl.type)
    if ecosystem is None:
        return None
    separator = _SEPARATOR.get(ecosystem, "/")
    name = f"{purl.namespace}{separator}{purl.name}" if purl.namespace else purl.name
    at_large = PackageURL(purl.type, purl.namespace, purl.name).to_string()
    return {"ecosystem": ecosystem, "name": name, "purl": at_large}


def _affected(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[dict[str, Any]]:
    packages: dict[tuple[str, str], dict[str, Any]] = {}
    for key in vulnerability.products(Status.AFFECTED):
        product = advisory.product(key)
        package = _package(product)
        if package is None:
            continue
        entry = packages.setdefault((package["ecosystem"], package["name"]), {"package": package})
        if product.version:
            entry.setdefault("versions", []).append(product.version)
            continue
        for interval in Vers.parse(product.vers).intervals if product.vers else ():
            if interval.single:
                entry.setdefault("versions", []).append(interval.single)
            else:
                entry.setdefault("ranges", []).append(_range(interval, package["ecosystem"]))
        if not product.vers:
            entry.setdefault("ranges", []).append({"type": "ECOSYSTEM", "events": [{"introduced": "0"}]})
    return list(packages.values())


def _range(interval: Interval, ecosystem: str) -> dict[str, Any]:
    semantic = ecosystem in _SEMANTIC and all(_SEMVER.fullmatch(end) for end in (interval.low, interval.high) if end)
    events = [{"introduced": interval.low or "0"}]
    if interval.high:
        events.append({"last_affected" if interval.high_included else "fixed": interval.high})
    told: dict[str, Any] = {"type": "SEMVER" if semantic else "ECOSYSTEM", "events": events}
    if interval.low and not interval.low_included:
        told["database_specific"] = {"introduced_is_excluded": True}
    return told
