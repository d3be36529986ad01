"""Policy packs that come with this version: what each asks for, with its sources; for everybody."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from typing import Annotated, Any

from ninja import Router, Schema
from pydantic import Field

from seatrial.framework.pack import PolicyPack
from seatrial.framework.submission_store import NotHere
from seatrial.paperwork import terms_digest
from seatrial.portal.acting import PortalRequest
from seatrial.shipped import load_shipped, names, versions

router = Router(tags=["packs"])
PackName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$", examples=["minimal"])]
PackVersion = Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{1,4}$", examples=["2026.1"])]


class PackLine(Schema):
    """A pack, by name, with its versions, oldest first."""

    name: str
    versions: list[str]


class DocumentRule(Schema):
    """A kind of paper: at which event it is needed, who signs it, and where that stands."""

    kind: str
    required_at: str
    issued_at: str
    signers: list[str]
    source: str


class Source(Schema):
    """Where a value of the pack comes from."""

    id: str
    title: str
    publisher: str
    date: str
    locator: str


class Pack(Schema):
    """One version of a pack."""

    name: str
    version: str
    sha256: str
    title: str
    status: str
    effective_from: str
    terms_digest: str
    inquiries: bool
    papers: list[DocumentRule]
    templates: list[str]
    sources: list[Source]


class Template(Schema):
    """A form of a paper in Markdown, with places in double braces."""

    kind: str
    text: str


@router.get("packs", response=list[PackLine])
def packs_list(request: PortalRequest) -> list[Any]:  # noqa: ARG001 - every operation has it
    """List the packs."""
    return [{"name": name, "versions": versions(name)} for name in names()]


@router.get("packs/{name}/{version}", response=Pack)
def pack_show(request: PortalRequest, name: PackName, version: PackVersion) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Show one version of a pack."""
    pack = _pack(name, version)
    return {
        "name": pack.ref.id,
        "version": pack.ref.version,
        "sha256": pack.ref.sha256,
        "title": pack.title,
        "status": pack.status,
        "effective_from": str(pack.effective_from),
        "terms_digest": terms_digest(pack),
        "inquiries": pack.course.inquiry,
        "papers": [_rule(one) for one in pack.documents.values()],
        "templates": sorted(pack.templates),
        "sources": [_source(one) for one in pack.sources.values()],
    }


@router.get("packs/{name}/{version}/templates/{kind}", response=Template)
def pack_template(
    request: PortalRequest,  # noqa: ARG001 - every operation has it
    name: PackName,
    version: PackVersion,
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$", examples=["agreement"])],
) -> dict[str, Any]:
    """Show the form of a paper."""
    pack = _pack(name, version)
    if kind not in pack.templates:
        raise NotHere(kind)
    return {"kind": kind, "text": pack.template(kind)}


def _pack(name: str, version: str) -> PolicyPack:
    try:
        return load_shipped(name, version)
    except ValueError:
        raise NotHere(name) from None


def _rule(one: Any) -> dict[str, Any]:  # noqa: ANN401 - the pack's
    return {name: getattr(one, name) for name in ("kind", "required_at", "issued_at", "source")} | {
        "signers": sorted(one.signers)
    }


def _source(one: Any) -> dict[str, Any]:  # noqa: ANN401 - the pack's
    return {name: str(getattr(one, name)) for name in ("id", "title", "publisher", "date", "locator")}
