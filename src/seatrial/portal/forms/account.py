"""The forms of an account: entering by invitation, second factors, people and tokens of one's own organisation."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, generate_totp_secret
from allauth.mfa.utils import decrypt, encrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password

from seatrial.framework.identifier import ID
from seatrial.registry import SCOPES, TOKEN_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seatrial.framework.participant import Role

LONGEST_NAME = 40
OWN_IDS = 36  # an id of the house's own: three letters and 32 digits; nobody chooses one
RESERVED = frozenset({"house", "public", "nobody", "everybody"})


class InvitationForm(forms.Form):
    """The secret of an invitation."""

    secret = forms.CharField(
        label="Invitation",
        max_length=80,
        help_text="As it was given to you; it begins with sea_inv_.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "data-from-fragment": ""}),
    )


class AccountForm(forms.Form):
    """A new account: a login name, which is the person's name in every record, and a password."""

    name = forms.CharField(
        label="Login name",
        max_length=LONGEST_NAME,
        help_text="Lower-case letters, digits, dots and hyphens. It stands beside what you do, where others read it; a"
        " pseudonym will do.",
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters. A second factor follows.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(label="Password again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, taken: Callable[[str], bool], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        self._taken = taken

    def clean_name(self) -> str:
        """A name that can be an id, and is nobody's."""
        name = str(self.cleaned_data["name"])
        if not ID.fullmatch(name) or (len(name) == OWN_IDS and name[3] == "_") or name in RESERVED:
            raise forms.ValidationError("Use lower-case letters, digits, dots and hyphens; begin with a letter.")
        if self._taken(name):
            raise forms.ValidationError("This name is taken. Choose another.")
        return name

    def clean(self) -> dict[str, Any]:
        """The password twice, and not one that everybody uses."""
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.get("password", "")
        if password and password != cleaned.get("again"):
            self.add_error("again", "The two passwords differ.")
        elif password:
            try:
                validate_password(password, get_user_model()(username=cleaned.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class CodesForm(ActivateTOTPForm):
    """An authenticator app's first code; until it is typed, the session keeps the secret sealed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - allauth's own
        self.user = kwargs.pop("user")
        forms.Form.__init__(self, *args, **kwargs)
        sealed = context.request.session.get(SECRET_SESSION_KEY) if self.is_bound else None
        self.secret = decrypt(sealed) if sealed else generate_totp_secret()
        if not sealed:
            context.request.session[SECRET_SESSION_KEY] = encrypt(self.secret)
        self.fields["code"].label = "Code of your authenticator app"
        self.fields["code"].widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})


class PasskeyForm(AddWebAuthnForm):
    """A new passkey; each signs in without a password as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - allauth's own
        super().__init__(*args, **kwargs)
        del self.fields["passwordless"]
        self.fields["name"].label = "A name for this passkey"
        self.fields["name"].max_length = LONGEST_NAME

    def clean(self) -> dict[str, Any]:
        """As allauth checks it, and with the person verified by the authenticator."""
        self.cleaned_data["passwordless"] = True
        return dict(super().clean() or {})


class InviteForm(forms.Form):
    """Somebody is brought in."""

    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(str(role), role.replace("_", " ")) for role in sorted(roles)]


class TokenForm(forms.Form):
    """A service token."""

    name = forms.CharField(label="What it is for", max_length=80)
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(SCOPES[0], "read what this role reads"), (SCOPES[1], "act: submit and take steps")],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(label="Days that it lasts", min_value=1, max_value=TOKEN_DAYS, initial=30)
    networks = forms.CharField(
        label="Networks that it comes from",
        required=False,
        max_length=400,
        help_text="Such as 192.0.2.0/24, separated by spaces. Left empty: from anywhere.",
    )

    def clean_networks(self) -> tuple[str, ...]:
        """Networks, each as it is written."""
        given = tuple(str(self.cleaned_data["networks"]).replace(",", " ").split())
        for one in given:
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise forms.ValidationError(f"{one} is not a network: {error}.") from error
        return given
