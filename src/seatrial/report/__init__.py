"""One review as documents that follow from its run directory and from nothing else.

| what | for |
|---|---|
| `build` | a run directory to an `Assessment` |
| `write_report` | the same, written: assessment.json, report.html, transcripts |
| `Assessment`, `to_json`, `check` | the one source of all documents, its bytes, its published schema |
"""

from seatrial.report.assessment import Assessment, ReportError, check, published_schema, to_json
from seatrial.report.build import build
from seatrial.report.write import write_report

__all__ = ["Assessment", "ReportError", "build", "check", "published_schema", "to_json", "write_report"]
