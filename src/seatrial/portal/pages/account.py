"""One's own account: how one signs in, and how one came in."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import LoginView, PasswordChangeView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as webauthn
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.urls import reverse_lazy

from seatrial.framework.submission_store import NotHere
from seatrial.portal.forms.account import AccountForm, InvitationForm
from seatrial.portal.identity.adapters import SECOND, has_second_factor
from seatrial.portal.identity.assurance import Factor
from seatrial.portal.opening import house
from seatrial.registry import NotOpen, Registry, RolesExclude

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.forms import BaseForm
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest
    from seatrial.storage.stores.identity import Invitation

INVITED = "invitation"
"""The session's key of the invitation that is looked at: its id, never its secret."""
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def local(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of local accounts: whoever an identity provider signs in keeps their factors there, and none here."""

    @wraps(view)
    def answer(request: PortalRequest, *args: object, **given: object) -> HttpResponse:
        if request.assurance.provider:
            raise NotHere(request.path)
        return view(request, *args, **given)

    return answer


class SignIn(LoginView):
    """Sign-in with a password and a second factor; a passkey and identity providers beside it."""

    def get_context_data(self, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - Django's own
        """With the identity providers."""
        return {**super().get_context_data(**given), "providers": Registry(house()).providers()}

    def get_form(self, form_class: type[BaseForm] | None = None) -> BaseForm:
        """Without placeholders, which say the label once more."""
        return _plain(super().get_form(form_class))


class ChangePassword(PasswordChangeView):
    """The password anew; other sessions of the account end by it."""

    success_url = reverse_lazy("account")

    def get_form(self, form_class: type[BaseForm] | None = None) -> BaseForm:
        """Without placeholders."""
        return _plain(super().get_form(form_class))


def _plain(form: BaseForm) -> BaseForm:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
    return form


def show(request: PortalRequest) -> HttpResponse:
    """The person, what they act as, and their factors; the one page of whoever has no second factor yet."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    factors = [one.wrap() for one in Authenticator.objects.filter(user_id=request.user.pk).order_by("pk")]
    context = {
        "factors": [one for one in factors if one.instance.type in SECOND],
        "codes": next((one for one in factors if one.instance.type == Authenticator.Type.RECOVERY_CODES), None),
        "has_codes": any(one.instance.type == Authenticator.Type.TOTP for one in factors),
        "incomplete": request.assurance.factor < Factor.TWO,
        "has_passkey": has_second_factor(cast("User", request.user), Authenticator.Type.WEBAUTHN),
        "provider": _provider(request),
    }
    return render(request, "account/show.html", context)


def remove_passkey(request: PortalRequest, pk: int) -> HttpResponse:
    """Remove one, unless it is the last second factor."""
    if request.method == "POST" and request.user.is_authenticated:
        others = Authenticator.objects.filter(user_id=request.user.pk, type__in=SECOND).exclude(pk=pk)
        if not others.exists():
            messages.error(request, "This is your last second factor. Set up another one first.")
            return redirect("account")
    return cast("HttpResponse", webauthn.remove_webauthn(request, pk=pk))


def invitation(request: PortalRequest) -> HttpResponse:
    """Where an invitation's secret is given; its address can carry it in the fragment, which no server sees."""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = Registry(house()).invitation(request.now, secret=form.cleaned_data["secret"].strip())
        except NotOpen as error:
            form.add_error("secret", str(error).capitalize() + ".")
        else:
            request.session[INVITED] = found.id
            return redirect("invitation-accept")
    return render(request, "account/invitation.html", {"form": form}, status=422 if form.errors else 200)


def accept(request: PortalRequest) -> HttpResponse:
    """What somebody is invited to, and the ways to accept it: as whom they are signed in, or with a new account."""
    registry = Registry(house())
    try:
        invited = registry.invitation(request.now, name=request.session.get(INVITED, "none"))
    except NotOpen:
        return redirect("invitation")
    signed_in = request.user.is_authenticated
    form = AccountForm(_taken, request.POST if request.method == "POST" and not signed_in else None)
    if request.method == "POST":
        try:
            if signed_in:
                return _joined(request, registry, invited)
            if form.is_valid():
                return _entered(request, registry, invited, form)
        except (NotOpen, RolesExclude) as error:
            messages.error(request, f"{str(error).capitalize()}.")
            return redirect("account" if signed_in else "invitation")
    context = {
        "invited": invited,
        "organisation": registry.organisation(invited.organisation),
        "form": form,
        "providers": [one for one in registry.providers() if one.organisation in {"", invited.organisation}],
    }
    return render(request, "account/accept.html", context, status=422 if form.errors else 200)


def _joined(request: PortalRequest, registry: Registry, invited: Invitation) -> HttpResponse:
    """Whoever is signed in acts for one organisation more."""
    if request.assurance.factor < Factor.TWO or not request.assurance.within(invited.organisation):
        messages.error(request, "Sign in with two factors of your own first, or as a member of that organisation.")
        return redirect("account")
    registry.accept(invited, request.user.get_username(), request.now)
    request.session.pop(INVITED, None)
    messages.success(request, "You can act in this role now. Choose it at the top of the page.")
    return redirect("account")


def _entered(request: PortalRequest, registry: Registry, invited: Invitation, form: AccountForm) -> HttpResponse:
    """A new account; it is taken back where somebody was first with the invitation."""
    name = form.cleaned_data["name"]
    try:
        user = User.objects.create_user(name, password=form.cleaned_data["password"])
    except IntegrityError:
        form.add_error("name", "This name is taken. Choose another.")
        return render(request, "account/accept.html", {"invited": invited, "form": form}, status=422)
    try:
        registry.accept(invited, name, request.now)
    except (NotOpen, RolesExclude):
        user.delete()
        raise
    request.session.pop(INVITED, None)
    login(request, user, BACKEND)
    by_password(request, user)
    return redirect("account")


def by_password(request: PortalRequest, user: User) -> None:
    """Write down that they chose a password just now."""
    record_authentication(request, user, "password")


def _taken(name: str) -> bool:
    known = User.objects.filter(username__iexact=name).exists()
    return known or Registry(house()).knows(name)


def _provider(request: PortalRequest) -> str:
    found = (one for one in Registry(house()).providers() if one.id == request.assurance.provider)
    return next((one.name for one in found), "")
