"""The table of every operation of the API, below `/api/v1/`: method, path, and who may call it. It goes on `routes`.

- A role that a line does not name gets the answer of a path that is not there.
- A key stands for a person: no service turns one (`Need.FRESH`). What else no service does stands in `api.bringing`.
"""

from __future__ import annotations

from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import Role
from seatrial.portal.access import ANYBODY, SIGNED_IN, Again, Operation
from seatrial.portal.identity.assurance import Need
from seatrial.portal.routes import DEVELOPER, EVALUATING, KEYS, OWNER, PARTIES, PROPOSING, READING, SIGNING

FINDINGS = frozenset(
    {Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.CLEARINGHOUSE_LEAD, Role.MAINTAINER, Role.AGENCY_READER}
)
TEXTS = READERS & SIGNED_IN
SIDES = DEVELOPER | EVALUATING
ONCE, ITSELF = Again.ONCE, Again.ITSELF
_ONE = "submissions/{name}"
_RUNS = "reviews/{name}/runs"

OPERATIONS: tuple[Operation, ...] = (
    # Submissions: opened, moved on, and taken back
    Operation("submissions_list", "GET", "submissions", READING),
    Operation("submission_open", "POST", "submissions", OWNER),
    Operation("inquiry_open", "POST", "inquiries", OWNER),
    Operation("submission_show", "GET", _ONE, READING),
    Operation("paper_fetch", "GET", f"{_ONE}/papers/{{digest}}", DEVELOPER),
    Operation("submission_share", "POST", f"{_ONE}/share", OWNER, versioned=True),
    Operation("submission_step", "POST", f"{_ONE}/steps", PARTIES, versioned=True),
    Operation("submission_key", "POST", f"{_ONE}/keys", PARTIES, Need.FRESH),
    Operation("submission_withdraw", "POST", f"{_ONE}/withdraw", DEVELOPER, again=ITSELF),
    # What custody holds of them
    Operation("deposit_token", "POST", f"{_ONE}/deposits", OWNER, again=ONCE),
    Operation("uploads_list", "GET", f"{_ONE}/uploads", DEVELOPER),
    Operation("upload_token", "POST", f"{_ONE}/uploads", OWNER, again=ONCE),
    Operation("upload_token_again", "POST", f"{_ONE}/uploads/{{upload}}/tokens", OWNER, again=ONCE),
    Operation("leases_list", "GET", f"{_ONE}/leases", DEVELOPER),
    Operation("lease_revoke", "POST", f"{_ONE}/leases/{{lease}}/revoke", OWNER, again=ITSELF),
    Operation("access_log", "GET", f"{_ONE}/access-log", DEVELOPER),
    Operation("access_log_proof", "GET", f"{_ONE}/access-log/{{number}}", DEVELOPER),
    Operation("grants_list", "GET", f"{_ONE}/grants", READING),
    Operation("grant_make", "POST", f"{_ONE}/grants", OWNER),
    Operation("grant_end", "POST", f"{_ONE}/grants/{{grant}}/end", OWNER, again=ITSELF),
    Operation("publication_show", "GET", f"{_ONE}/publication", SIGNING),
    Operation("publication_propose", "POST", f"{_ONE}/publication", KEYS, Need.SIGNING),
    Operation("publication_key", "POST", f"{_ONE}/publication/keys", KEYS, Need.SIGNING),
    Operation("publication_stop", "POST", f"{_ONE}/publication/stop", KEYS, again=ITSELF),
    Operation("publication_file", "GET", f"{_ONE}/publication/files/{{file}}", SIGNING),
    Operation("reads_list", "GET", f"{_ONE}/reads", DEVELOPER | {Role.AUDITOR}),
    Operation("receipts_list", "GET", f"{_ONE}/receipts", DEVELOPER),
    Operation("receipt_show", "GET", f"{_ONE}/receipts/{{seq}}", SIDES),
    # Reviews: the units of a submission's plan
    Operation("plan_post", "POST", "reviews/{name}/plan", EVALUATING),
    Operation("runs_list", "GET", _RUNS, SIDES),
    Operation("run_show", "GET", f"{_RUNS}/{{unit}}", SIDES),
    Operation("run_cancel", "POST", f"{_RUNS}/{{unit}}/cancel", EVALUATING),
    Operation("report_post", "POST", f"{_RUNS}/{{unit}}/report", EVALUATING),
    Operation("estimates_show", "GET", f"{_RUNS}/{{unit}}/estimates", SIDES),
    Operation("run_file", "GET", f"{_RUNS}/{{unit}}/files/{{file}}", SIDES),
    # Findings and the framework's texts
    Operation("findings_list", "GET", "findings", FINDINGS),
    Operation("finding_show", "GET", "findings/{name}", FINDINGS),
    Operation("texts_list", "GET", "texts", TEXTS),
    Operation("text_show", "GET", "texts/{name}", TEXTS),
    Operation("text_propose", "POST", "texts", PROPOSING),
    Operation("text_key", "POST", "texts/{name}/keys", PROPOSING, Need.SIGNING),
    Operation("text_step", "POST", "texts/{name}/steps", TEXTS, versioned=True),
    # For everybody: the record, the keys, the packs
    Operation("ledger_checkpoint", "GET", "ledger/checkpoint", ANYBODY),
    Operation("ledger_consistency", "GET", "ledger/proofs/consistency", ANYBODY),
    Operation("ledger_inclusion", "GET", "ledger/proofs/inclusion", ANYBODY),
    Operation("ledger_tile", "GET", "ledger/{tile}", ANYBODY),
    Operation("keys_show", "GET", "keys", ANYBODY),
    Operation("openapi_show", "GET", "openapi.json", ANYBODY),
    Operation("reports_list", "GET", "reports", ANYBODY),
    Operation("report_show", "GET", "reports/{name}", ANYBODY),
    Operation("report_file", "GET", "reports/{name}/files/{file}", ANYBODY),
    Operation("packs_list", "GET", "packs", ANYBODY),
    Operation("pack_show", "GET", "packs/{name}/{version}", ANYBODY),
    Operation("pack_template", "GET", "packs/{name}/{version}/templates/{kind}", ANYBODY),
)
"""In the order in which paths are tried."""
