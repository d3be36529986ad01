"""What is published about one case: the one source of every document of this part.

- A set is complete and consistent when it exists: keys are unique, references lead to what is there, and every
  identifier has been read by its own grammar. What does not fit is refused with the field named, never guessed.
- A verdict says how one product stands to one vulnerability; there is at most one for each pair, at least one for each
  vulnerability. `not_affected` gives its reason.
- A product is one product at one version (`version`), over a range (`vers`), or at large (neither).
- No model fact, no proof of concept and no private contact has a field here.
- Texts are Markdown by people; they are written as they are and escaped by the format, never run.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.publish.grammar import (
    CVE,
    GHSA,
    Cpe,
    Instant,
    Key,
    Line,
    Prose,
    Purl,
    Title,
    Url,
    Uuid4,
    Version,
    file_name,
    one_line,
    portable,
)
from seatrial.clearinghouse.publish.vers import Vers
from seatrial.clearinghouse.rating import cvss_vectors, cwe, ssvc
from seatrial.clearinghouse.record import Record
from seatrial.framework.data_class import Tlp


class Status(StrEnum):
    """How a product stands to a vulnerability."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    FIXED = "fixed"
    UNDER_INVESTIGATION = "under_investigation"


class Justification(StrEnum):
    """Why a product is not affected, in the words that CSAF and OpenVEX share."""

    COMPONENT_NOT_PRESENT = "component_not_present"
    CODE_NOT_PRESENT = "vulnerable_code_not_present"
    CODE_NOT_EXECUTED = "vulnerable_code_not_in_execute_path"
    CODE_NOT_CONTROLLED = "vulnerable_code_cannot_be_controlled_by_adversary"
    MITIGATED = "inline_mitigations_already_exist"


class Remedy(StrEnum):
    """What there is to do."""

    VENDOR_FIX = "vendor_fix"
    MITIGATION = "mitigation"
    WORKAROUND = "workaround"
    FIX_PLANNED = "fix_planned"
    NO_FIX_PLANNED = "no_fix_planned"
    NONE_AVAILABLE = "none_available"


CONTRADICTING = (
    *((Remedy.NONE_AVAILABLE, other) for other in Remedy if other is not Remedy.NONE_AVAILABLE),
    (Remedy.VENDOR_FIX, Remedy.FIX_PLANNED),
    (Remedy.VENDOR_FIX, Remedy.NO_FIX_PLANNED),
    (Remedy.FIX_PLANNED, Remedy.NO_FIX_PLANNED),
)
"""What cannot both be true for one product."""


class Part(StrEnum):
    """What somebody is thanked for."""

    FINDER = "finder"
    REPORTER = "reporter"
    ANALYST = "analyst"
    COORDINATOR = "coordinator"
    REMEDIATION_DEVELOPER = "remediation_developer"
    REMEDIATION_REVIEWER = "remediation_reviewer"
    TOOL = "tool"
    SPONSOR = "sponsor"
    OTHER = "other"


class Product(Record):
    """One product at a version, over a range, or at large. `key` names it inside the set."""

    key: Key
    vendor: Line
    name: Line
    version: Version = ""
    vers: Version = ""
    purl: Purl = ""
    cpe: Cpe = ""
    repo: Url | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Product:
        if self.version:
            one_line(self.version)
        if self.version and self.vers:
            raise ValueError(f"product {self.key}: a version or a range of them (vers), not both")
        if self.vers:
            Vers.parse(self.vers)
        return self

    @property
    def portable_purl(self) -> str:
        """The purl, where every reader of purls takes it."""
        return portable(self.purl)

    @property
    def label(self) -> str:
        """Vendor, product and version as people write them."""
        named = self.name if self.name.casefold().startswith(self.vendor.casefold()) else f"{self.vendor} {self.name}"
        return f"{named} {self.version or self.vers}".strip()


class Verdict(Record):
    """How a product stands to the vulnerability; `impact` says why not, `action` what to do, in words."""

    product: Key
    status: Status
    justification: Justification | None = None
    impact: str = ""
    action: str = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Verdict:
        reasoned = self.justification is not None or self.impact.strip()
        if self.status is Status.NOT_AFFECTED and not reasoned:
            raise ValueError(f"product {self.product}: not_affected needs a justification or an impact statement")
        if self.status is not Status.NOT_AFFECTED and self.justification is not None:
            raise ValueError(f"product {self.product}: a justification belongs to not_affected")
        return self


class Remediation(Record):
    """What to do about it, for which products (none: every affected one)."""

    kind: Remedy
    details: Prose
    products: tuple[Key, ...] = ()
    url: Url | None = None


class Credit(Record):
    """Whom to thank; `name` is a person, a team or a tool, as they wish to be named."""

    name: Line
    part: Part = Part.REPORTER
    organization: str = ""
    url: Url | None = None


class Reference(Record):
    """A page about it."""

    url: Url
    summary: Line
    kind: Literal["advisory", "article", "report", "fix", "package", "evidence", "detection", "web"] = "web"


class Place(Record):
    """Where in the source it is: a relative path, lines from 1; `excerpt` is what stands there, if it may be shown."""

    path: Line
    start_line: int = Field(ge=1)
    end_line: int = Field(default=0, ge=0)
    function: str = ""
    excerpt: str = ""

    @property
    def last_line(self) -> int:
        """The last line, at least the first."""
        return max(self.start_line, self.end_line)


class Vulnerability(Record):
    """One root cause."""

    key: Key
    title: Title
    description: Prose
    cve: str = ""
    ghsa: str = ""
    ids: tuple[tuple[Line, Line], ...] = ()
    cwes: tuple[str, ...] = ()
    cvss_4: str = ""
    cvss_3: str = ""
    ssvc_table: str = "deployer"
    ssvc: dict[str, str] = Field(default_factory=dict)
    discovered: Instant | None = None
    disclosed: Instant | None = None
    exploited_since: Instant | None = None
    verdicts: tuple[Verdict, ...] = Field(min_length=1)
    remediations: tuple[Remediation, ...] = ()
    references: tuple[Reference, ...] = ()
    credits: tuple[Credit, ...] = ()
    places: tuple[Place, ...] = ()
    shown: Literal["reproduced", "reviewed"] = "reviewed"
    """How it was verified: replayed in fresh boxes, or by two reviewers."""

    @field_validator("cve")
    @classmethod
    def _is_cve(cls, text: str) -> str:
        if text and not CVE.fullmatch(text):
            raise ValueError("a CVE id is written CVE-2026-12345")
        return text

    @field_validator("ghsa")
    @classmethod
    def _is_ghsa(cls, text: str) -> str:
        if text and not GHSA.fullmatch(text):
            raise ValueError("a GHSA id is written GHSA-xxxx-xxxx-xxxx")
        return text

    @field_validator("cwes")
    @classmethod
    def _are_weaknesses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cwe.weakness(each).id for each in given))

    @model_validator(mode="after")
    def _rated_and_judged(self) -> Vulnerability:
        for text, version in ((self.cvss_4, cvss_vectors.Version.V4_0), (self.cvss_3, cvss_vectors.Version.V3_1)):
            if text and cvss_vectors.read(text).version is not version:
                raise ValueError(f"vulnerability {self.key}: {text} is no vector of CVSS {version}")
        table = ssvc.table(self.ssvc_table)
        for point, value in self.ssvc.items():
            table.point(point).value(value)
        judged = [verdict.product for verdict in self.verdicts]
        if len(set(judged)) != len(judged):
            raise ValueError(f"vulnerability {self.key}: two verdicts about one product; keep one")
        for product in judged:
            kinds = {r.kind for r in self.remediations if not r.products or product in r.products}
            for one, other in CONTRADICTING:
                if {one, other} <= kinds:
                    raise ValueError(f"vulnerability {self.key}: for {product} both {one} and {other}; keep one")
        return self

    def products(self, status: Status) -> tuple[str, ...]:
        """Keys of the products that stand so."""
        return tuple(verdict.product for verdict in self.verdicts if verdict.status is status)

    def remedies_of(self, product: str) -> tuple[Remediation, ...]:
        """The remediations for a product."""
        return tuple(r for r in self.remediations if not r.products or product in r.products)


class Revision(Record):
    """One version of the document: numbers count from 1."""

    number: int = Field(ge=1)
    at: Instant
    summary: Line


class Publisher(Record):
    """Who publishes. `advisories` is the address under which the documents lie; `cve_org` the UUID of a CNA."""

    name: Line
    namespace: Url
    category: Literal["coordinator", "discoverer", "multiplier", "other", "user", "vendor"] = "coordinator"
    contact: str = ""
    advisories: Url | None = None
    cve_org: Uuid4 | None = None
    osv_prefix: Annotated[str, StringConstraints(pattern=r"^$|^[A-Za-z][A-Za-z0-9-]{0,30}$")] = ""


class AdvisorySet(Record):
    """All that is published about one case. See the module."""

    id: Key
    title: Title
    summary: Prose
    publisher: Publisher
    tlp: Tlp = Tlp.TLP_AMBER_STRICT
    state: Literal["draft", "interim", "final"] = "draft"
    revisions: tuple[Revision, ...] = Field(min_length=1)
    products: tuple[Product, ...] = Field(min_length=1)
    vulnerabilities: tuple[Vulnerability, ...] = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    credits: tuple[Credit, ...] = ()
    ai_origin: AiOrigin = AiOrigin.NONE
    patch_ai_origin: AiOrigin = AiOrigin.NONE
    sharing_group: Uuid4 | None = None

    @model_validator(mode="after")
    def _consistent(self) -> AdvisorySet:
        for what, keys in (
            ("product", [product.key for product in self.products]),
            ("vulnerability", [vulnerability.key for vulnerability in self.vulnerabilities]),
            ("CVE id", [v.cve for v in self.vulnerabilities if v.cve]),
            ("GHSA id", [v.ghsa for v in self.vulnerabilities if v.ghsa]),
        ):
            if len(set(keys)) != len(keys):
                raise ValueError(f"{self.id}: a {what} stands twice; keep one")
        known = {product.key for product in self.products}
        for vulnerability in self.vulnerabilities:
            named = {verdict.product for verdict in vulnerability.verdicts}
            named.update(key for remediation in vulnerability.remediations for key in remediation.products)
            if named - known:
                raise ValueError(f"{vulnerability.key}: no product {min(named - known)} in the set")
        if self.sharing_group is not None and self.tlp is Tlp.TLP_CLEAR:
            raise ValueError(f"{self.id}: a sharing group contradicts TLP:CLEAR, which is for everybody")
        numbers = [revision.number for revision in self.revisions]
        times = [revision.at for revision in self.revisions]
        if numbers != list(range(1, len(numbers) + 1)) or times != sorted(times):
            raise ValueError(f"{self.id}: revisions count from 1 without a gap, in the order of their time")
        return self

    @property
    def released(self) -> datetime:
        """When this version was made."""
        return self.revisions[-1].at

    @property
    def version(self) -> int:
        """The number of this version."""
        return self.revisions[-1].number

    def product(self, key: str) -> Product:
        """A product of the set."""
        return next(product for product in self.products if product.key == key)

    @property
    def file_name(self) -> str:
        """The file that CSAF names after the id."""
        return file_name(self.id)
