"""Access to the model: its window, the endpoint or weights that custody seals, and the leases that spend.

- No page takes a key or a weight. A deposit's form is answered by custody's own process, to which the browser sends it
  with a token that is good once; weights are sent by the command shown.
- What custody says of itself is states and figures, never content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages

from seatrial.custody.deposit import TOKEN_TERM, issue_token
from seatrial.custody.keys import CustodyError
from seatrial.custody.lease import LeaseState
from seatrial.custody.upload_store import open_upload
from seatrial.desk import Brought
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.submission import OVER
from seatrial.framework.submission_store import NotHere
from seatrial.framework.window import WindowError
from seatrial.paperwork import RECEIPT, access_receipt
from seatrial.portal.about import about
from seatrial.portal.forms.access import DepositForm, PauseForm, UntilForm
from seatrial.portal.opening import installation, place
from seatrial.portal.pages.submissions import back

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from seatrial.custody.lease import Lease
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

LEASES = 50
RESULTS = {
    "done": ("success", "The endpoint is sealed. Nobody but the gateway opens it, and only under a lease."),
    "token": ("error", "The form was too old or was sent twice. Begin the deposit again."),
    "address": ("error", "The address is not one that is taken: https, a public host, no user, query or fragment."),
    "key": ("error", "The key has to be one line of printable characters."),
    "ended": ("error", "Access has ended; nothing is sealed for this submission any more."),
    "busy": ("error", "Custody could not write it down. Nothing is sealed; begin again."),
}
"""What custody's process says in the address that it sends the browser back to: words of ours only."""


def show(request: PortalRequest, name: str) -> HttpResponse:
    """Window, endpoint, uploads and leases of one submission."""
    here = about(request, name)
    if found := RESULTS.get(request.GET.get("deposit", "")):
        messages.add_message(request, getattr(messages, found[0].upper()), found[1])
    return _page(here, UntilForm(), PauseForm())


def grant(request: PortalRequest, name: str) -> HttpResponse:
    """Open the window; the receipt of it is written from what will hold."""
    here = about(request, name)

    def act() -> None:
        receipt = access_receipt(here.pack, here.standing, here.desk.actor, here.desk.now)
        here.desk.act(name, "grant_access", Brought(papers=((RECEIPT, receipt),)))

    here.tried(act, "Access is open.")
    return back(here, "submission-access")


def extend(request: PortalRequest, name: str) -> HttpResponse:
    """Set or move the agreed end."""
    here = about(request, name)
    form = UntilForm(request.POST)
    if form.is_valid():
        brought = Brought(date=form.end)
        if here.tried(
            lambda: here.desk.act(name, "extend_access", brought, form.request_digest),
            "The end of access is recorded.",
            form,
        ):
            return back(here, "submission-access")
    return _page(here, form, PauseForm(), status=422)


def pause(request: PortalRequest, name: str) -> HttpResponse:
    """Hold everything back; leases take no call until it goes on. The window does not wait."""
    here = about(request, name)
    form = PauseForm(request.POST)
    if form.is_valid():
        brought = Brought(reason=form.cleaned_data["reason"])
        if here.tried(lambda: here.desk.act(name, "pause", brought), "Paused: no lease takes a call.", form):
            return back(here, "submission-access")
    return _page(here, UntilForm(), form, status=422)


def resume(request: PortalRequest, name: str) -> HttpResponse:
    """Go on."""
    here = about(request, name)
    here.tried(lambda: here.desk.act(name, "resume"), "It goes on, with a new look at the boundary first.")
    return back(here, "submission-access")


def deposit(request: PortalRequest, name: str) -> HttpResponse:
    """The form of a deposit, which the browser sends to custody's process; its token is shown once."""
    here = about(request, name)
    tokens = installation().custody.tokens
    _open_only(here)
    try:
        token = issue_token(tokens, name, here.desk.now)
    except CustodyError as error:
        here.tried(_raising(error), "")
        return back(here, "submission-access")
    form = DepositForm(initial={"token": token.reveal().decode(), "submission": name})
    action, until = f"{place().custody_url}/deposits", here.desk.now + TOKEN_TERM
    context = {"action": action, "form": form, "until": until, "on_site": _form_of(here) == "on_site"}
    return here.page("developer/deposit.html", context)


def upload(request: PortalRequest, name: str) -> HttpResponse:
    """A token for an upload of weights, shown once, and the command that sends them."""
    here = about(request, name)
    _open_only(here)
    try:
        token = open_upload(installation().custody.uploads().store, name, here.desk.now)
    except CustodyError as error:
        here.tried(_raising(error), "")
        return back(here, "submission-access")
    context = {"token": token.secret.reveal().decode(), "upload": token.upload, "receiver": place().custody_url}
    return here.page("developer/upload.html", context)


def revoke_lease(request: PortalRequest, name: str, lease: str) -> HttpResponse:
    """End one lease, now: its next call is refused and what runs under it is cut."""
    here = about(request, name)
    leases = installation().custody.leases
    if lease not in {one.id for one in leases.of_submission(name)}:
        raise NotHere(name)
    here.tried(lambda: leases.revoke(lease, here.desk.now), "The lease has ended.")
    return back(here, "submission-access", "#leases")


def spend_of(lease: Lease) -> dict[str, Any]:
    """A lease as a person reads it: its state, what it has spent and what it may."""
    spend = installation().custody.leases.spend(lease.id)
    used, most = spend.settled, lease.limits
    return {
        "lease": lease,
        "active": lease.state is LeaseState.ACTIVE,
        "ends": lease.ends(spend.first_used),
        "open_calls": spend.open_calls,
        "requests": (used.requests, most.max_requests),
        "input": (used.input_tokens, most.max_input_tokens),
        "output": (used.output_tokens, most.max_output_tokens),
        "microdollars": used.microdollars,
    }


def _page(here: About, until: UntilForm, pausing: PauseForm, status: int = 200) -> HttpResponse:
    custody, window = installation().custody, here.standing.window
    leases = custody.leases.of_submission(here.name)[::-1]
    offers = {offer.event: offer for offer in here.desk.offers(here.standing)}
    context = {
        "window": window,
        "is_open": bool(window and window.contains(here.desk.now)),
        "offers": offers,
        "opening": _opening(here) if "grant_access" in offers else None,
        "until": until,
        "pausing": pausing,
        "form_of": _form_of(here),
        "needs_weights": _form_of(here) == "sealed_weights",
        "may_deposit": here.owns and here.standing.state not in OVER | {"inquiry", "draft"},
        "sealed": _sealed(here.name),
        "uploads": custody.uploads().store.of_submission(here.name)[::-1],
        "leases": [spend_of(lease) for lease in leases[:LEASES]],
        "more_leases": len(leases) > LEASES,
        "suspended": custody.leases.suspended(here.name),
    }
    return here.page("developer/access.html", context, status=status)


def _opening(here: About) -> dict[str, Any]:
    """What a grant of access would write, or what is missing for it."""
    try:
        paper = access_receipt(here.pack, here.standing, here.desk.actor, here.desk.now)
    except NotPossible as error:
        return {"missing": error.missing}
    except WindowError as error:
        return {"missing": (str(error),)}
    return {"paper": paper.decode()}


def _form_of(here: About) -> str:
    subject = here.standing.subject
    return subject.access.form.value if subject else ""


def _sealed(name: str) -> Any:  # noqa: ANN401 - custody's row, or None
    try:
        return installation().custody.credentials.get(name)
    except LookupError:
        return None


def _open_only(here: About) -> None:
    if here.standing.state in OVER:
        raise NotHere(here.name)


def _raising(error: Exception) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act
