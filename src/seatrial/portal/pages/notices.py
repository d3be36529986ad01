"""What waits for whoever acts and what changed, on a page; and which of it comes to them by mail or feed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render

from seatrial.framework.submission_store import NotHere
from seatrial.notices import digest
from seatrial.notices.addresses import Addresses, NotNow
from seatrial.notices.feeds import Feeds, TooMany
from seatrial.portal.forms.notices import CodeForm, ContactForm, FeedForm
from seatrial.portal.opening import house, place

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest
    from seatrial.storage.stores.mail import Contact

A_DAY = timedelta(days=1)
MOST_SHOWN = 100
"""Lines of a list on the page; a mail has fewer."""


def due(request: PortalRequest) -> HttpResponse:
    """What is due of whoever acts, and what others did since the last digest, or for a day where there was none."""
    viewer = request.who.viewer
    contact = Addresses(house()).of(viewer)
    since = contact.digest_until if contact and contact.confirmed_at else request.now - A_DAY
    found = digest.part(house(), viewer, since, request.now)
    context = {
        "owed": found.owed[:MOST_SHOWN],
        "more_owed": max(0, len(found.owed) - MOST_SHOWN),
        "changed": found.changed[:MOST_SHOWN],
        "more_changed": max(0, len(found.changed) - MOST_SHOWN),
        "since": since,
        "names": found.names,
    }
    return render(request, "mail/due.html", context)


def settings(request: PortalRequest) -> HttpResponse:
    """Where one reads mail, what of it one wants, and one's feeds."""
    addresses, viewer = Addresses(house()), request.who.viewer
    contact = addresses.of(viewer)
    form = ContactForm(request.POST or None, initial=_initial(contact))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            kept = addresses.give(
                viewer,
                given["address"],
                given["zone"],
                notices=given["notices"],
                digest=given["digest"],
                now=request.now,
            )
        except NotNow as error:
            form.add_error("address", f"{str(error).capitalize()}.")
        else:
            messages.success(request, "Kept." if kept.confirmed_at else "A code is on its way to that address.")
            return redirect("notices")
    return _settings(request, contact, form)


def confirm(request: PortalRequest) -> HttpResponse:
    """The code that came by mail, or another one."""
    addresses, viewer = Addresses(house()), request.who.viewer
    if "again" in request.POST:
        try:
            addresses.again(viewer, request.now)
            messages.success(request, "Another code is on its way.")
        except NotNow as error:
            messages.error(request, f"{str(error).capitalize()}.")
        return redirect("notices")
    code = CodeForm(request.POST)
    if code.is_valid() and addresses.confirm(viewer, code.cleaned_data["code"].strip(), request.now):
        messages.success(request, "The address is yours. Mail goes there from now on.")
        return redirect("notices")
    if not code.errors:
        code.add_error("code", "This is not the code that was sent last, or it is too old. Have another one sent.")
    contact = addresses.of(viewer)
    return _settings(request, contact, ContactForm(initial=_initial(contact)), code=code)


def remove(request: PortalRequest) -> HttpResponse:
    """No mail any more."""
    Addresses(house()).remove(request.who.viewer)
    messages.success(request, "Your address is gone. No mail is sent to you.")
    return redirect("notices")


def open_feed(request: PortalRequest) -> HttpResponse:
    """A new feed of the pair acted in; its addresses are shown this once."""
    form = FeedForm(request.POST)
    contact = Addresses(house()).of(request.who.viewer)
    if form.is_valid():
        try:
            made, secret = Feeds(house()).open(request.who.viewer, form.cleaned_data["name"], request.now)
        except TooMany as error:
            form.add_error("name", f"{str(error).capitalize()}.")
        else:
            return render(request, "mail/feed_made.html", {"feed": made, "at": f"{place().url}/feeds/{secret}"})
    return _settings(request, contact, ContactForm(initial=_initial(contact)), feed=form)


def revoke_feed(request: PortalRequest, name: str) -> HttpResponse:
    """A feed opens nothing any more."""
    if not Feeds(house()).tables.revoke_feed(request.who.viewer, name, request.now):
        raise NotHere(name)
    messages.success(request, "The feed is revoked. There is nothing at its address any more.")
    return redirect("notices")


def _settings(
    request: PortalRequest,
    contact: Contact | None,
    form: ContactForm,
    *,
    code: CodeForm | None = None,
    feed: FeedForm | None = None,
) -> HttpResponse:
    tables, viewer = Feeds(house()).tables, request.who.viewer
    wrong = any(one is not None and one.errors for one in (form, code, feed))
    context = {
        "contact": contact,
        "form": form,
        "code": code or CodeForm(),
        "feed": feed or FeedForm(),
        "feeds": tables.feeds(viewer, viewer.person),
        "last": tables.last_to(viewer, viewer.person),
        "wrong": wrong,
        "sends": bool(place().mail),
    }
    return render(request, "mail/settings.html", context, status=422 if wrong else 200)


def _initial(contact: Contact | None) -> dict[str, object]:
    if contact is None:
        return {"zone": "UTC", "notices": True, "digest": True}
    return {name: getattr(contact, name) for name in ("address", "zone", "notices", "digest")}
