"""The tables, one file a noun."""

from __future__ import annotations

from seatrial.storage.models.document import Document, Paper
from seatrial.storage.models.finding import (
    Finding,
    FindingBatch,
    FindingChain,
    FindingCluster,
    FindingCount,
    FindingEvent,
    FindingFunction,
    FindingItem,
    FindingNumber,
    FindingOrigin,
    FindingSignature,
)
from seatrial.storage.models.idempotency import AnsweredRequest
from seatrial.storage.models.identity import IdentityProvider, Invitation, ServiceToken
from seatrial.storage.models.job import PlanUnit, Worker
from seatrial.storage.models.ledger import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerNode
from seatrial.storage.models.mail import Contact, Feed, Letter
from seatrial.storage.models.notice import Notice
from seatrial.storage.models.participant import Membership, Organisation, Person
from seatrial.storage.models.permission import Acquaintance, Consent, Grant, KeyRequest, Vote
from seatrial.storage.models.read import Read, ReadDay
from seatrial.storage.models.ruling import Ruling
from seatrial.storage.models.submission import Act, ActContent, Edge, Order, Pack, Submission

__all__ = [
    "Acquaintance",
    "Act",
    "ActContent",
    "AnsweredRequest",
    "Consent",
    "Contact",
    "Document",
    "Edge",
    "Feed",
    "Finding",
    "FindingBatch",
    "FindingChain",
    "FindingCluster",
    "FindingCount",
    "FindingEvent",
    "FindingFunction",
    "FindingItem",
    "FindingNumber",
    "FindingOrigin",
    "FindingSignature",
    "Grant",
    "IdentityProvider",
    "Invitation",
    "KeyRequest",
    "LedgerCheckpoint",
    "LedgerEntry",
    "LedgerHead",
    "LedgerNode",
    "Letter",
    "Membership",
    "Notice",
    "Order",
    "Organisation",
    "Pack",
    "Paper",
    "Person",
    "PlanUnit",
    "Read",
    "ReadDay",
    "Ruling",
    "ServiceToken",
    "Submission",
    "Vote",
    "Worker",
]
