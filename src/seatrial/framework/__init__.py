"""The framework room: who may do what, when, and on whose consent. Pure: no I/O, and no clock of its own.

Read in this order: `participant` and `subject` (who, and what is assessed), `consent` and `two_key` (on whose word),
`data_class`, `matrix` and `access` (who may see what), `lifecycle` (what may follow what), `clock` and `window` (until
when), `pack` (what a policy may change), `vocabulary` (which words never stand anywhere).
docs/framework.md tells it to people who write no code.
"""

from seatrial.framework.consent import Activity, BadConsent, Consent, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass, Tlp, Untagged, classed, strip
from seatrial.framework.document import Document, DocumentRule, TemplateError, render
from seatrial.framework.identifier import BadDigest, BadIdentifier
from seatrial.framework.instant import NaiveTime
from seatrial.framework.pack import PackRef, PolicyPack
from seatrial.framework.participant import Assignment, Membership, Organisation, Person, Recusal, Role
from seatrial.framework.purpose import FORBIDDEN_PURPOSES, BadPurpose, Purpose
from seatrial.framework.subject import AccessProfile, Subject, Variant
from seatrial.framework.terms import FIXED_TERMS, Budget, Terms
from seatrial.framework.two_key import KeyAction, KeyRequest, KeyRule, Vote

__all__ = [
    "FIXED_TERMS",
    "FORBIDDEN_PURPOSES",
    "AccessProfile",
    "Action",
    "Activity",
    "Assignment",
    "BadConsent",
    "BadDigest",
    "BadIdentifier",
    "BadPurpose",
    "Budget",
    "Consent",
    "DataClass",
    "Document",
    "DocumentRule",
    "Grant",
    "KeyAction",
    "KeyRequest",
    "KeyRule",
    "Membership",
    "NaiveTime",
    "Organisation",
    "PackRef",
    "Person",
    "PolicyPack",
    "Purpose",
    "Recipient",
    "Recusal",
    "Role",
    "Subject",
    "TemplateError",
    "Terms",
    "Tlp",
    "Untagged",
    "Variant",
    "Vote",
    "classed",
    "render",
    "strip",
]
