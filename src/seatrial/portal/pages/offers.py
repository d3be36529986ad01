"""A developer's offers: a draft that nobody else sees, an inquiry to those it names, and the sharing of a dossier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render

from seatrial.adopted import choosable
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.pack import PackStatus
from seatrial.framework.papers import WORDS_OF_TERMS
from seatrial.framework.terms import FIXED_TERMS
from seatrial.offering import dossier, share
from seatrial.paperwork import subject_of, terms_digest
from seatrial.portal.about import MODEL_FACTS, about
from seatrial.portal.errors import not_found
from seatrial.portal.forms.offer import InquiryForm, OfferForm
from seatrial.portal.opening import house
from seatrial.portal.pages.submissions import back
from seatrial.shipped import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from seatrial.framework.pack import PolicyPack
    from seatrial.portal.acting import PortalRequest


def new(request: PortalRequest) -> HttpResponse:
    """A new offer: a draft, once its form is filled in."""
    packs = _packs()
    policy = packs.get(request.GET.get("pack", DEFAULT_PACK))
    if policy is None:
        return not_found(request)
    form = OfferForm(policy, request.POST or None)

    def begin() -> str:
        return form.offering(request.who.actor, request.now).draft(house(), form.request_digest)

    return _answered(request, form, begin, packs, "developer/offer.html")


def inquiry(request: PortalRequest) -> HttpResponse:
    """A question to organisations, under a pack that knows inquiries."""
    packs = {name: pack for name, pack in _packs().items() if pack.course.inquiry}
    policy = packs.get(request.GET.get("pack", next(iter(packs), "")))
    if policy is None:
        return not_found(request)
    form = InquiryForm(policy, request.POST or None)

    def begin() -> str:
        offering, given = form.offering(request.who.actor, request.now), form.cleaned_data
        paper = offering.inquiry_form(given["recipients"], given["shared"], given["contact"])
        return offering.inquire(house(), given["recipients"], paper, form.request_digest)

    return _answered(request, form, begin, packs, "developer/inquiry.html")


def sharing(request: PortalRequest, name: str) -> HttpResponse:
    """What is shared of a draft, with whom, until when, and one button."""
    here = about(request, name)
    if here.standing.state != "draft":
        return back(here, "submission")
    if request.method == "POST":
        said = f"Shared with {here.standing.evaluator}."
        if here.tried(lambda: share(house(), here.standing, here.desk.actor, here.desk.now), said):
            return back(here, "submission")
        return back(here, "submission-share")
    subject = subject_of(here.standing)
    context = {
        "subject": subject,
        "dossier": dossier(subject).decode(),
        "pack": here.pack,
        "terms": terms_of(here.pack),
        "terms_digest": terms_digest(here.pack),
    }
    return here.page("developer/share.html", context)


def terms_of(pack: PolicyPack) -> list[tuple[str, Any]]:
    """The terms of a pack, in words."""
    return [(words, _said(getattr(pack.terms, name))) for name, words in WORDS_OF_TERMS.items()]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "items"):
        return ", ".join(f"{key}: {hours}" for key, hours in sorted(value.items())) or "none"
    if hasattr(value, "microdollars"):
        amounts = [(name, getattr(value, name)) for name in ("tokens", "microdollars", "calls")]
        return ", ".join(f"{amount:,} {name}" for name, amount in amounts if amount) or "left to the agreement"
    return str(value)


def _packs() -> dict[str, PolicyPack]:
    """The packs that new submissions may choose: shipped ones, and those that were adopted here."""
    found = choosable(house())
    return {name: pack for name, pack in found.items() if pack.status is PackStatus.IN_FORCE}


def _answered(
    request: PortalRequest, form: OfferForm, begin: Callable[[], str], packs: dict[str, PolicyPack], template: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            submission = begin()
        except NotPossible as error:
            form.add_error(None, f"This is not possible. Missing: {'; '.join(error.missing)}.")
        except ValueError as error:
            form.add_error(None, f"{error}.")
        else:
            messages.success(request, "Recorded. Nobody but those it names can see it.")
            return redirect("submission", name=submission)
    context = {
        "form": form,
        "pack": form.policy,
        "packs": packs.values(),
        "terms": terms_of(form.policy),
        "fixed": FIXED_TERMS.values(),
        "marking": MODEL_FACTS,
    }
    return render(request, template, context, status=422 if form.errors else 200)
