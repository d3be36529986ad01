"""What custody holds of a submission: one-time tokens, leases with their spend, calls, grants, reads and receipts.

No secret comes in here: a deposit and an upload go to custody's own process, for which a token is shown once.
"""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, Field

from seatrial.custody.access_log import prove
from seatrial.custody.deposit import TOKEN_TERM, issue_token
from seatrial.custody.lease import NoSuchLease
from seatrial.custody.receipt import ReceiptKind
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.custody.upload_store import TOKEN_TERM as UPLOAD_TERM
from seatrial.custody.upload_store import open_upload, renew_token
from seatrial.framework.consent import BadConsent
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Kind, Standing
from seatrial.framework.submission import OVER
from seatrial.framework.submission_store import NotHere
from seatrial.granting import Wanted, grantable, opened
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api.bringing import desk, found, request_digest
from seatrial.portal.api.problems import Conflict, NotAccepted
from seatrial.portal.api.shapes import MOST_PAGE, PAGE, Given, Name, Nothing, ObjectName
from seatrial.portal.api.submissions import Receipt, kept
from seatrial.portal.opening import house, installation, place
from seatrial.storage.reads import ReadTables

router = Router(tags=["custody"])
LeaseName = Annotated[str, Field(pattern=r"^lea_[0-9a-f]{32}$", examples=["lea_000102030405060708090a0b0c0d0e0f"])]
UploadName = Annotated[str, Field(pattern=r"^upl_[0-9a-f]{32}$", examples=["upl_000102030405060708090a0b0c0d0e0f"])]
MOST_NUMBER = 2**53
GrantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["gra-1"])]


class DepositToken(Schema):
    """The right to deposit an endpoint once, with custody's own process; shown once."""

    submission: str
    token: str
    custody: str
    expires: datetime


class Upload(Schema):
    """An upload of weights."""

    id: str
    opened_at: datetime
    expires: datetime
    dropped_at: datetime | None


class UploadToken(Schema):
    """The right to send to one upload, with custody's own process; shown once."""

    upload: str
    token: str
    custody: str
    expires: datetime


class Used(Schema):
    """What a lease has spent of a limit; without a limit, there is none."""

    used: int
    most: int | None


class Lease(Schema):
    """A lease: what it may call, until when, and its spend."""

    id: str
    state: str
    purpose: str
    models: list[str]
    not_before: datetime
    expires: datetime
    requests: Used
    input_tokens: Used
    output_tokens: Used
    microdollars: Used
    calls_in_flight: int


class LeaseEnded(Schema):
    """A lease that ended now, or that was over before."""

    id: str
    was_active: bool
    weights_removed: int


class Call(Schema):
    """One call of the model: digests, counts and times, no text."""

    number: int
    call: str
    lease: str
    at: datetime
    path: str
    model: str
    status: int
    ending: str
    request_sha256: str
    response_sha256: str
    input_tokens: int
    output_tokens: int
    microdollars: int
    total_ms: int


class CallProof(Schema):
    """A call's row as it was logged, and the way from it to the root of its hour (RFC 6962)."""

    number: int
    row: str
    root: str
    first: int
    count: int
    index: int
    path: list[str]


class Calls(Schema):
    """Calls, and the number before which the next ones are."""

    items: list[Call]
    next: int | None


class Grant(Schema):
    """One object that is open to one organisation in one role, for one purpose and a time."""

    id: str
    consent: str
    object: str
    data_class: str
    actions: list[str]
    organisation: str
    role: str
    purpose: str
    not_before: datetime
    expires: datetime
    ended_at: datetime | None


class GrantGiven(Given):
    """Who is to read the newest signed report, what for, and until when."""

    organisation: Name
    role: Role
    purpose: Purpose
    expires: AwareDatetime

    @property
    def wanted(self) -> Wanted:
        """As it is granted."""
        return Wanted(self.organisation, self.role, self.purpose, self.expires)


class GrantEnded(Schema):
    """A grant that ended now, or that was over before."""

    id: str
    was_open: bool


class Reading(Schema):
    """Somebody was given an object."""

    organisation: str
    role: str
    person: str
    object: str
    data_class: str
    at: datetime


class StepReceipt(Schema):
    """The proof that the record has a step: a file by which anybody checks it offline."""

    seq: int
    index: int
    proof: str


class Receipts(Schema):
    """What custody signed, and the steps that have a proof, by their number."""

    custody: list[Receipt]
    steps: list[int]


@router.post("submissions/{name}/deposits", response={201: DepositToken})
def deposit_token(request: PortalRequest, name: ObjectName, given: Nothing) -> Status[Any]:  # noqa: ARG001 - an empty object
    """Ask for a one-time token, to deposit the endpoint with custody."""
    _going(request, name)
    token = issue_token(installation().custody.tokens, name, request.now)
    expires = request.now + TOKEN_TERM
    shown = {"submission": name, "token": token.reveal().decode(), "custody": place().custody_url, "expires": expires}
    return Status(201, shown)


@router.get("submissions/{name}/uploads", response=list[Upload])
def uploads_list(request: PortalRequest, name: ObjectName) -> list[Any]:
    """List the uploads of weights."""
    _own(request, name)
    return list(installation().custody.uploads().store.of_submission(name))


@router.post("submissions/{name}/uploads", response={201: UploadToken})
def upload_token(request: PortalRequest, name: ObjectName, given: Nothing) -> Status[Any]:  # noqa: ARG001 - an empty object
    """Open an upload of weights: its id, and the token that may send to it."""
    _going(request, name)
    token = open_upload(installation().custody.uploads().store, name, request.now)
    return Status(201, _upload_token(request, token))


@router.post("submissions/{name}/uploads/{upload}/tokens", response={201: UploadToken})
def upload_token_again(request: PortalRequest, name: ObjectName, upload: UploadName, given: Nothing) -> Status[Any]:  # noqa: ARG001 - an empty object
    """Ask for a new token for an upload in place of the former one, which is refused from now on."""
    _going(request, name)
    store = installation().custody.uploads().store
    if upload not in {one.id for one in store.of_submission(name)}:
        raise NotHere(upload)
    return Status(201, _upload_token(request, renew_token(store, upload, request.now)))


@router.get("submissions/{name}/leases", response=list[Lease])
def leases_list(request: PortalRequest, name: ObjectName) -> list[Any]:
    """List the leases by which the model may be called, with what each has spent."""
    _own(request, name)
    return [_lease(one) for one in installation().custody.leases.of_submission(name)]


@router.post("submissions/{name}/leases/{lease}/revoke", response=LeaseEnded)
def lease_revoke(request: PortalRequest, name: ObjectName, lease: LeaseName, given: Nothing) -> dict[str, Any]:  # noqa: ARG001 - an empty object
    """End a lease now: its calls are refused, and weights that lie open under it are removed."""
    _own(request, name)
    custody = installation().custody
    try:
        held = custody.leases.get(lease)
    except NoSuchLease:
        raise NotHere(lease) from None
    if held.submission != name:
        raise NotHere(lease)
    was_active = custody.leases.revoke(lease, request.now)
    removed = custody.opened.remove_over(custody.leases, request.now)
    return {"id": lease, "was_active": was_active, "weights_removed": removed}


@router.get("submissions/{name}/access-log", response=Calls)
def access_log(
    request: PortalRequest,
    name: ObjectName,
    before: Annotated[int | None, Query(ge=0, le=MOST_NUMBER)] = None,
    most: Annotated[int, Query(ge=1, le=MOST_PAGE)] = PAGE,
) -> dict[str, Any]:
    """List the calls of the model, newest first."""
    _own(request, name)
    rows = SqliteAccessStore(installation().custody.file).page(name, before, most + 1)
    items = [{"number": number, **_call(row)} for number, row in rows[:most]]
    return {"items": items, "next": items[-1]["number"] if len(rows) > most else None}


@router.get("submissions/{name}/access-log/{number}", response=CallProof)
def access_log_proof(
    request: PortalRequest, name: ObjectName, number: Annotated[int, Field(ge=0, le=MOST_NUMBER)]
) -> dict[str, Any]:
    """Show the proof that the log of an hour holds a call; there is one once the hour is closed."""
    _own(request, name)
    store = SqliteAccessStore(installation().custody.file)
    row = next(iter(store.page(name, number + 1, 1)), None)
    if row is None or row[0] != number:
        raise NotHere(name)
    try:
        root, index, path = prove(store, number)
    except LookupError as error:
        raise Conflict("this hour's log is still open; ask again after the hour") from error
    return {
        "number": number,
        "row": row[1].entry.decode(),
        "root": root.digest,
        "first": root.first,
        "count": root.count,
        "index": index,
        "path": [step.hex() for step in path],
    }


@router.get("submissions/{name}/grants", response=list[Grant])
def grants_list(request: PortalRequest, name: ObjectName) -> list[Any]:
    """List what is open to whom."""
    found(desk(request), name, Kind.SUBMISSION)
    return [_grant(one) for one in house().permissions.grants(request.who.viewer, name)]


@router.post("submissions/{name}/grants", response={201: Grant})
def grant_make(request: PortalRequest, name: ObjectName, given: GrantGiven) -> Status[Any]:
    """Open the newest signed report to one organisation in one role; with a consent for it where there is none."""
    at = desk(request)
    standing = found(at, name, Kind.SUBMISSION).standing
    if not grantable(standing):
        raise Conflict("there is no signed report that could be opened to anybody")
    try:
        made = opened(at, standing, given.wanted, request_digest(request))
    except BadConsent as error:
        raise NotAccepted("grant", str(error)) from error
    return Status(201, _grant(made))


@router.post("submissions/{name}/grants/{grant}/end", response=GrantEnded)
def grant_end(request: PortalRequest, name: ObjectName, grant: GrantName, given: Nothing) -> dict[str, Any]:  # noqa: ARG001 - an empty object
    """End a grant now."""
    _own(request, name)
    if grant not in {one.id for one in house().permissions.grants(request.who.viewer, name)}:
        raise NotHere(grant)
    was_open = house().permissions.end_grant(request.who.viewer, name, grant, request.now)
    return {"id": grant, "was_open": was_open}


@router.get("submissions/{name}/reads", response=list[Reading])
def reads_list(request: PortalRequest, name: ObjectName) -> list[Any]:
    """List who was given what of the submission, oldest first."""
    found(desk(request), name, Kind.SUBMISSION)
    return list(ReadTables(house().database).list(request.who.viewer, name))


@router.get("submissions/{name}/receipts", response=Receipts)
def receipts_list(request: PortalRequest, name: ObjectName) -> dict[str, Any]:
    """List the receipts there are: what custody signed, and the steps that the record has."""
    record = found(desk(request), name, Kind.SUBMISSION)
    store = installation().custody.receipts
    signed = [receipt for kind in ReceiptKind if (receipt := store.get(kind, name)) is not None]
    steps = [step.entry.seq for step in record.history if step.place is not None]
    return {"custody": [kept(receipt) for receipt in signed], "steps": steps}


@router.get("submissions/{name}/receipts/{seq}", response=StepReceipt)
def receipt_show(request: PortalRequest, name: ObjectName, seq: Annotated[int, Field(ge=1, le=10**9)]) -> Any:  # noqa: ANN401 - a record
    """Show the proof that the record has a step."""
    record = found(desk(request), name, Kind.SUBMISSION)
    step = next((one for one in record.history if one.entry.seq == seq), None)
    if step is None:
        raise NotHere(name)
    try:
        receipt = house().receipt(step)
    except LookupError as error:
        raise Conflict(str(error)) from error
    return {"seq": seq, "index": receipt.index, "proof": receipt.encode().decode()}


def _own(request: PortalRequest, name: str) -> Standing:
    """The developer's own submission."""
    return found(desk(request), name, Kind.SUBMISSION).standing


def _going(request: PortalRequest, name: str) -> None:
    """It takes something in still."""
    standing = _own(request, name)
    if standing.state in OVER:
        raise Conflict(f"{name}: is {standing.state}; nothing is taken in any more")


def _upload_token(request: PortalRequest, token: Any) -> dict[str, Any]:  # noqa: ANN401 - custody's
    return {
        "upload": token.upload,
        "token": token.secret.reveal().decode(),
        "custody": place().custody_url,
        "expires": request.now + UPLOAD_TERM,
    }


def _call(row: Any) -> dict[str, Any]:  # noqa: ANN401 - custody's
    return {name: getattr(row, name) for name in Call.model_fields if name != "number"}


def _lease(one: Any) -> dict[str, Any]:  # noqa: ANN401 - custody's
    spend, most = installation().custody.leases.spend(one.id), one.limits
    return {
        "id": one.id,
        "state": one.state,
        "purpose": one.purpose,
        "models": list(one.models),
        "not_before": one.not_before,
        "expires": one.expires,
        "requests": {"used": spend.settled.requests, "most": most.max_requests},
        "input_tokens": {"used": spend.settled.input_tokens, "most": most.max_input_tokens},
        "output_tokens": {"used": spend.settled.output_tokens, "most": most.max_output_tokens},
        "microdollars": {"used": spend.settled.microdollars, "most": most.max_microdollars},
        "calls_in_flight": spend.open_calls,
    }


def _grant(one: Any) -> dict[str, Any]:  # noqa: ANN401 - the framework's
    return {
        "id": one.id,
        "consent": one.consent,
        "object": one.object,
        "data_class": one.data_class,
        "actions": sorted(one.actions),
        "organisation": one.organisation,
        "role": one.role,
        "purpose": one.purpose,
        "not_before": one.not_before,
        "expires": one.expires,
        "ended_at": one.ended_at,
    }
