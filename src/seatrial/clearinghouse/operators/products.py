"""Whether a component is a product that an advisory speaks of: package URLs and version ranges first, CPE second.

- Two package URLs name one package when type, namespace and name are equal; qualifiers say where a copy came from.
- Ranges are `vers` (`vers:npm/<1.2.3`) or, of the same ecosystem, the bare form (`<1.2.3`), compared by univers.
- What cannot be compared is `UNSURE`: an unknown scheme, a version that is none there, a component without a version.
  It is shown, never taken for no.
- Types that packageurl-python reads otherwise than their own rules say are never matched silently (`UNSURE_TYPES`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from packageurl import PackageURL
from univers.version_range import RANGE_CLASS_BY_SCHEMES, VersionRange

UNSURE_TYPES = frozenset({"oci", "brew", "chrome-extension", "git", "mlflow"})
"""Types whose names packageurl-python 0.17 normalises otherwise than the purl specification's own test cases."""
_COMPARATOR = re.compile(r"^(<=|>=|!=|<|>|=)?\s*(\S+)$")
_CPE = re.compile(r"(?<!\\):")


class Fit(StrEnum):
    """How a component fits a product: by what, or that nobody can say."""

    VERSION = "version"
    """The package and this very version."""
    RANGE = "range"
    """The package, and its version lies in the range."""
    PACKAGE = "package"
    """The package, of which every version is meant."""
    CPE = "cpe"
    """Vendor, product and version of a CPE: weaker, since such names are given by hand."""
    UNSURE = "not comparable"
    """The package, but the versions cannot be compared."""
    NONE = ""


@dataclass(frozen=True, slots=True)
class Product:
    """A product of an advisory: package URLs, CPE, one version or a range, either empty where not stated."""

    name: str
    purls: tuple[str, ...] = ()
    cpe: str = ""
    version: str = ""
    range: str = ""


def fit(product: Product, purl: str, cpe: str, version: str) -> Fit:
    """How a component, given by purl, CPE and version, fits a product."""
    best = Fit.NONE
    mine = _purl(purl)
    for text in product.purls:
        theirs = _purl(text)
        if mine is None or theirs is None or _named(mine) != _named(theirs):
            continue
        if mine.type in UNSURE_TYPES:
            return Fit.UNSURE
        best = _versions(product, theirs, mine.version or version, mine.type)
        if best not in {Fit.NONE, Fit.UNSURE}:
            return best
    if best is Fit.NONE and product.cpe and cpe and not (product.purls and mine):
        return _cpes(product, cpe, version)
    return best


def _versions(product: Product, theirs: PackageURL, version: str, ecosystem: str) -> Fit:
    wanted = theirs.version or product.version
    if product.range:
        return _in_range(product.range, version, ecosystem)
    if not wanted:
        return Fit.PACKAGE
    if not version:
        return Fit.UNSURE
    if wanted == version:
        return Fit.VERSION
    return _equal(wanted, version, ecosystem)


def _in_range(text: str, version: str, ecosystem: str) -> Fit:
    given = text.strip()
    if given in {"*", "vers:all/*", f"vers:{ecosystem}/*"}:
        return Fit.PACKAGE
    if not version:
        return Fit.UNSURE
    held = _range(given, ecosystem)
    if held is None or held.version_class is None:
        return Fit.UNSURE
    try:
        return Fit.RANGE if held.version_class(version) in held else Fit.NONE
    except Exception:  # noqa: BLE001 - univers raises whatever the ecosystem's parser raises
        return Fit.UNSURE


@lru_cache(maxsize=4096)
def _range(text: str, ecosystem: str) -> VersionRange | None:
    if not text.startswith("vers:"):
        parts = [_COMPARATOR.match(part.strip()) for part in re.split(r"[|,]", text)]
        if ecosystem not in RANGE_CLASS_BY_SCHEMES or not all(parts):
            return None
        text = f"vers:{ecosystem}/" + "|".join((part[1] or "") + part[2] for part in parts if part)
    try:
        held: VersionRange = VersionRange.from_string(text)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - the same
        return None
    return held


def _equal(wanted: str, version: str, ecosystem: str) -> Fit:
    """Whether two spellings are one version: `1.0` and `1.0.0` are in some ecosystems."""
    held = RANGE_CLASS_BY_SCHEMES.get(ecosystem)
    if held is None or held.version_class is None:
        return Fit.NONE
    try:
        same = held.version_class(wanted) == held.version_class(version)
    except Exception:  # noqa: BLE001 - the same
        return Fit.UNSURE
    return Fit.VERSION if same else Fit.NONE


@lru_cache(maxsize=65536)
def _purl(text: str) -> PackageURL | None:
    try:
        return PackageURL.from_string(text) if text else None
    except ValueError:
        return None


def _named(purl: PackageURL) -> tuple[str, str, str]:
    return purl.type, purl.namespace or "", purl.name


def _cpes(product: Product, cpe: str, version: str) -> Fit:
    theirs, mine = _cpe(product.cpe), _cpe(cpe)
    if theirs is None or mine is None or theirs[:3] != mine[:3]:
        return Fit.NONE
    have = mine[3] if mine[3] not in {"*", "-"} else version
    if product.range:
        # A CPE names no ecosystem, so that there is no order of versions to compare by.
        return Fit.UNSURE
    wanted = theirs[3] if theirs[3] not in {"*", "-"} else product.version
    if not wanted:
        return Fit.CPE
    if not have:
        return Fit.UNSURE
    return Fit.CPE if wanted.casefold() == have.casefold() else Fit.NONE


def _cpe(text: str) -> tuple[str, str, str, str] | None:
    """Part, vendor, product and version of a CPE 2.3 string or 2.2 URI."""
    if text.startswith("cpe:2.3:"):
        parts = _CPE.split(text)[2:]
    elif text.startswith("cpe:/"):
        parts = text[5:].split(":")
    else:
        return None
    part, vendor, product, version = [*(piece.casefold() for piece in parts[:4]), "*", "*", "*", "*"][:4]
    return (part, vendor, product, version.replace("\\", "") or "*") if vendor and product else None
