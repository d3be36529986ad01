"""CVE numbering authorities: whose scope a product falls in, from a file that the installation brings.

The file is JSON in the form of the CVE programme's own list of partners (an array; each entry with `shortName`,
`organizationName`, `scope`, `contact` [{`email` [{`emailAddr`}], `contact` [{`url`}], `form` [{`url`}]}]), to which an
entry may add what no free text can be read for:

- `repositories`: prefixes of repository addresses in its scope, as `https://github.com/alibaba/`;
- `purls`: prefixes of package addresses without version, as `pkg:apache/`.

An address in `scope` counts as a prefix as well. Prose is never matched: a scope that names no address matches nothing,
and somebody looks. None is shipped: the list changes weekly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_ADDRESS = re.compile(r"https://[^\s)\],;<>\"']+")
SHARED_HOSTS = frozenset({"https://github.com", "https://gitlab.com", "https://bitbucket.org", "https://codeberg.org"})
"""A bare host of many owners in a scope names nobody's repositories."""


class BadCnaList(ValueError):
    """A file that is no such list: says where."""


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority: its short name, where to write, and the prefixes of its scope."""

    name: str
    organisation: str
    emails: tuple[str, ...]
    pages: tuple[str, ...]
    repositories: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()

    def covers(self, repository: str, purl: str) -> int:
        """How long the longest prefix is that covers one of them; 0 for none."""
        fits = [len(prefix) for prefix in self.repositories if _under(repository, prefix)]
        fits += [len(prefix) for prefix in self.purls if purl and purl.startswith(prefix)]
        return max(fits, default=0)


@dataclass(frozen=True, slots=True)
class CnaList:
    """The authorities of one file."""

    authorities: tuple[Authority, ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> CnaList:
        """Read the file.

        Raises:
            BadCnaList: not JSON, or an entry of another form.
        """
        try:
            given = json.loads(raw)
        except ValueError as error:
            raise BadCnaList(f"CNA list: not JSON: {error}") from error
        if not isinstance(given, list):
            raise BadCnaList("CNA list: an array of entries is needed")
        return cls(tuple(_authority(index, entry) for index, entry in enumerate(given)))

    def covering(self, repository: str, purl: str = "") -> Authority | None:
        """The authority whose scope covers it most closely; None where none does, or two do as closely."""
        found = sorted(((one.covers(repository, purl), one) for one in self.authorities), key=lambda pair: -pair[0])
        if not found or not found[0][0] or (len(found) > 1 and found[1][0] == found[0][0]):
            return None
        return found[0][1]


def _authority(index: int, entry: Any) -> Authority:  # noqa: ANN401 - whatever the file says
    try:
        ways = entry["contact"]
        scope = _ADDRESS.findall(entry.get("scope", ""))
        return Authority(
            entry["shortName"],
            entry["organizationName"],
            tuple(item["emailAddr"] for way in ways for item in way.get("email", ())),
            tuple(item["url"] for kind in ("form", "contact") for way in ways for item in way.get(kind, ())),
            tuple(address for address in (*entry.get("repositories", ()), *scope) if _owned(address)),
            tuple(entry.get("purls", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadCnaList(f"CNA list: entry {index} is not of the form: {error}") from error


def _owned(address: str) -> bool:
    return address.rstrip("/").casefold() not in SHARED_HOSTS


def _under(address: str, prefix: str) -> bool:
    one, other = address.rstrip("/").removesuffix(".git").casefold(), prefix.rstrip("/").casefold()
    return bool(other) and (one == other or one.startswith(other + "/"))
