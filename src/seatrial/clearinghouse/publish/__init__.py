"""What leaves the house about a case, in every format that its readers use: the catalogue of this part."""

from seatrial.clearinghouse.publish.advisory_set import (
    AdvisorySet,
    Credit,
    Justification,
    Part,
    Place,
    Product,
    Publisher,
    Reference,
    Remediation,
    Remedy,
    Revision,
    Status,
    Verdict,
    Vulnerability,
)
from seatrial.clearinghouse.publish.csaf_advisory import NotExpressible, csaf_2_0, csaf_2_1
from seatrial.clearinghouse.publish.cve_draft import cve_draft, cve_drafts
from seatrial.clearinghouse.publish.cyclonedx_vex import cyclonedx_vex
from seatrial.clearinghouse.publish.openvex import openvex
from seatrial.clearinghouse.publish.osv_record import osv_records
from seatrial.clearinghouse.publish.provider import Directory, Provider, directory
from seatrial.clearinghouse.publish.provider import Key as OpenPgpKey
from seatrial.clearinghouse.publish.sarif_out import sarif
from seatrial.clearinghouse.publish.validate import FORMATS, Fault, NotRun, Offered, faults, offer, second_csaf
from seatrial.clearinghouse.publish.vers import NotARange, Vers

__all__ = [
    "FORMATS",
    "AdvisorySet",
    "Credit",
    "Directory",
    "Fault",
    "Justification",
    "NotARange",
    "NotExpressible",
    "NotRun",
    "Offered",
    "OpenPgpKey",
    "Part",
    "Place",
    "Product",
    "Provider",
    "Publisher",
    "Reference",
    "Remediation",
    "Remedy",
    "Revision",
    "Status",
    "Verdict",
    "Vers",
    "Vulnerability",
    "csaf_2_0",
    "csaf_2_1",
    "cve_draft",
    "cve_drafts",
    "cyclonedx_vex",
    "directory",
    "faults",
    "offer",
    "openvex",
    "osv_records",
    "sarif",
    "second_csaf",
]
