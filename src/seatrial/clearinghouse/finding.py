"""A finding: what somebody claims to be a vulnerability, with what they brought to show it.

- It is named by its content: `finding_id` is the SHA-256 of its canonical bytes. The same content twice is one finding.
- It holds no time of receipt and no fact about a model. `origin_ref` points to an `origin.Origin`, a row of its own
  that a withdrawal shreds; the finding's id stays true.
- The finder's severity stands apart. No rule reads it.
- What could not be read (a CWE, a purl, a label) is kept as text in `unread` with what is wrong; it is never guessed.
- Artefacts are named by the SHA-256 of their bytes; the bytes lie in the blob store.

>>> found = Finding(origin_ref="0" * 32, target=Target(product_name="tinyxml"), claim=Claim(title="overflow in parse"))
>>> found.short, found.subject
('5f3d9902d47b', 'fnd_5f3d9902d47b8efa404f298cf86eaac8')
>>> Finding.parse(found.canonical()) == found
True
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, model_validator

from seatrial.clearinghouse.record import Record
from seatrial.framework.data_class import Tlp

SCHEMA = "seatrial.finding/1"
TITLE_CHARACTERS = 200
SHORT = 12
"""Hex digits of an id as people write it: 48 bits, no two alike among a million."""
SUBJECT_DIGITS = 32
"""Hex digits of an id as the lifecycles and the record name an object: 128 bits."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
OriginRef = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ReporterKind(StrEnum):
    """Who or what found it, by kind and never by name."""

    MODEL = "model"
    TOOL = "tool"
    FUZZER = "fuzzer"
    PERSON = "person"


class AiOrigin(StrEnum):
    """How much of the report a model wrote, in the words of SARIF's `ai/origin`."""

    GENERATED = "generated"
    ANNOTATED = "annotated"
    SYNTHESIZED = "synthesized"
    NONE = "none"


class ClaimKind(StrEnum):
    """The broad kind of weakness."""

    MEMORY = "memory"
    RACE = "race"
    LOGIC = "logic"
    WEB = "web"
    CRYPTO = "crypto"
    CONFIG = "config"
    DOS = "dos"
    OTHER = "other"


class LocationRole(StrEnum):
    """What a place in the source stands for."""

    CRASH = "crash"
    ROOT = "root"
    FIX = "fix"
    SOURCE = "source"
    SINK = "sink"


class ArtefactRole(StrEnum):
    """What a file is for."""

    POV = "pov"
    HARNESS = "harness"
    SEED = "seed"
    PATCH = "patch"
    CRASH_LOG = "crash_log"
    SARIF = "sarif"
    ORACLE = "oracle"
    THREAT_MODEL = "threat_model"
    EXCERPT = "excerpt"


class Compartment(StrEnum):
    """Under which key a file lies: what an advisory may draw on, or what triggers the vulnerability."""

    ADVISORY = "advisory"
    EXPLOIT = "exploit"


EXPLOITS = frozenset({ArtefactRole.POV, ArtefactRole.ORACLE})
"""Roles whose bytes trigger the vulnerability: never outside the exploit compartment."""


class Expect(StrEnum):
    """What a run of the reproducer is to show."""

    CRASH = "crash"
    LEAK = "leak"
    TIMEOUT = "timeout"
    ORACLE = "oracle"


class ReferenceKind(StrEnum):
    """Whose name for it a reference is."""

    CVE = "cve"
    GHSA = "ghsa"
    OSV = "osv"
    URL = "url"
    VENDOR = "vendor"


class Target(Record):
    """The software that it is in. A purl or a name of the product is there, or neither could be read."""

    purl: str = ""
    product_name: str = ""
    version: str = ""
    commit: str = ""
    cpe: str = ""
    vers: str = ""
    repo: str = ""
    component: str = ""

    @property
    def project(self) -> str:
        """What findings are grouped within: the package without its version, else the repository, else the product.

        >>> Target(purl="pkg:generic/zlib@1.3?os=linux").project, Target(product_name="Tiny XML").project
        ('pkg:generic/zlib', 'tiny xml')
        """
        if self.purl:
            return self.purl.split("#", 1)[0].split("?", 1)[0].rsplit("@", 1)[0]
        return (self.repo or self.product_name).strip().casefold()


class Location(Record):
    """A place in the source; lines count from 1, and 0 is unknown."""

    uri: str = ""
    start_line: int = 0
    end_line: int = 0
    function: str = ""
    role: LocationRole = LocationRole.CRASH


class Claim(Record):
    """What is claimed: a title of at most 200 characters, CWE numbers, places, and a summary (Markdown, never run)."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=TITLE_CHARACTERS)]
    kind: ClaimKind = ClaimKind.OTHER
    cwe: tuple[int, ...] = ()
    locations: tuple[Location, ...] = ()
    summary: str = ""


class FinderSeverity(Record):
    """How severe the finder holds it to be, in the finder's own scheme. Shown; no rule reads it."""

    scheme: str
    value: str = ""
    vector: str = ""


class Artefact(Record):
    """One file: its role, the SHA-256 and number of its bytes, its media type, compartment and label."""

    role: ArtefactRole
    sha256: Sha256
    size: int = Field(ge=0)
    media_type: str = "application/octet-stream"
    compartment: Compartment = Compartment.ADVISORY
    tlp: Tlp = Tlp.TLP_AMBER_STRICT
    name: str = ""

    @model_validator(mode="after")
    def _kept_apart(self) -> Artefact:
        if self.role in EXPLOITS and self.compartment is not Compartment.EXPLOIT:
            raise ValueError(f"a {self.role} lies in the exploit compartment, nowhere else")
        return self


class Recipe(Record):
    """How to show it in a sealed box: image, commands (`{pov}` stands for the file), limits in s and MiB.

    `test` is the command of the test suite that a patched build is held to; it ends with 0 when all is well.
    """

    image: str
    build: tuple[str, ...] = ()
    run: tuple[str, ...]
    test: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    timeout_s: int = Field(default=60, ge=1, le=3600)
    memory_mib: int = Field(default=2048, ge=16, le=65536)
    expect: Expect = Expect.CRASH


class Reference(Record):
    """Another name for it, or a page about it."""

    kind: ReferenceKind
    value: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Evidence(Record):
    """What a tool said about it, kept and shown: `source` is the tool, `name` its own word for what it says."""

    source: str
    name: str
    value: str


class Unread(Record):
    """What stood in a field and could not be read as one: kept as text, with what is wrong with it."""

    field: str
    text: str
    what: str


class Finding(Record):
    """One claim and what was brought for it. See the module."""

    origin_ref: OriginRef
    reporter_kind: ReporterKind = ReporterKind.TOOL
    ai_origin: AiOrigin = AiOrigin.NONE
    target: Target
    claim: Claim
    finder_severity: FinderSeverity | None = None
    artefacts: tuple[Artefact, ...] = ()
    recipe: Recipe | None = None
    references: tuple[Reference, ...] = ()
    tlp: Tlp = Tlp.TLP_AMBER_STRICT
    marks: tuple[str, ...] = ()
    """Words about how it came in: `suppressed`, `finder_harness`, `name_mismatch`."""
    evidence: tuple[Evidence, ...] = ()
    unread: tuple[Unread, ...] = ()

    def fields(self) -> dict[str, Any]:
        """The JSON form with the name of its form."""
        return {"schema": SCHEMA, **super().fields()}

    @cached_property
    def finding_id(self) -> str:
        """The SHA-256 of the canonical bytes, 64 hex digits."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def short(self) -> str:
        """The id as people write it."""
        return self.finding_id[:SHORT]

    @property
    def subject(self) -> str:
        """The id under which the lifecycles and the record know it."""
        return subject_of(self.finding_id)

    @classmethod
    def parse(cls, canonical: bytes) -> Finding:
        """Read canonical bytes.

        Raises:
            NotAFinding: Not JSON, another form, or not the canonical bytes of what they say.
        """
        try:
            given = json.loads(canonical)
            if not isinstance(given, dict) or given.pop("schema", None) != SCHEMA:
                raise NotAFinding(f"schema: must be {SCHEMA}")
            found = cls.model_validate(given)
        except (ValueError, ValidationError) as error:
            raise NotAFinding(f"not a finding: {error}") from error
        if found.canonical() != canonical:
            raise NotAFinding("the bytes are not their own canonical form (RFC 8785)")
        return found


class NotAFinding(ValueError):
    """Bytes that are no finding in canonical form."""


def subject_of(finding_id: str) -> str:
    """The id of a finding in the lifecycles and in the record: `fnd_` and the first 32 of its hex digits."""
    return f"fnd_{finding_id[:SUBJECT_DIGITS]}"
