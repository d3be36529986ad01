"""What the operator of an installation sets: organisations, their first member, identity providers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms

from seatrial.framework.identifier import ID, ID_LENGTH
from seatrial.framework.participant import Organisation, OrganisationKind
from seatrial.portal.identity.oidc import check_address, own_key
from seatrial.storage.stores.identity import IdentityProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ASSURANCES = 2000


def check_name(value: str) -> None:
    """An id, as a form sends it."""
    if not ID.fullmatch(value):
        raise forms.ValidationError("Use lower-case letters, digits and hyphens; begin with a letter.")


class OrganisationForm(forms.Form):
    """A body that takes part by its own consent."""

    name = forms.CharField(label="Name", max_length=120)
    id = forms.CharField(
        label="Short name",
        max_length=ID_LENGTH,
        help_text="Lower-case letters, digits and hyphens. It stands in records and is not changed later.",
        validators=[check_name],
    )
    kind = forms.ChoiceField(
        label="Kind",
        choices=[(str(kind), str(kind)) for kind in OrganisationKind],
        help_text="It decides which roles its people can have, and is not changed later.",
        widget=forms.RadioSelect,
    )

    def organisation(self) -> Organisation:
        """As the registry takes it."""
        given = self.cleaned_data
        return Organisation(given["id"], given["name"], OrganisationKind(given["kind"]))


class ProviderForm(forms.Form):
    """An identity provider; its key is a file on this host, of which the path is given."""

    name = forms.CharField(label="Name that people read", max_length=80)
    id = forms.CharField(label="Short name", max_length=40, validators=[check_name])
    issuer = forms.CharField(label="Issuer", max_length=255, help_text="Exactly as its tokens say it.")
    client_id = forms.CharField(label="Client id", max_length=200)
    key_file = forms.CharField(
        label="File of this portal's private key", max_length=400, help_text="A path on this host: PEM, RSA or P-256."
    )
    key_id = forms.CharField(label="Id of the key", max_length=80, required=False)
    organisation = forms.ChoiceField(label="Whose people it signs in", required=False)
    pkce = forms.BooleanField(label="It takes PKCE", required=False, initial=True)
    acr = forms.CharField(
        label="Assurance at sign-in",
        max_length=MOST_ASSURANCES,
        required=False,
        help_text="Its own words (acr), separated by spaces; any of them is enough. Left empty: you vouch that it asks"
        " everybody for two factors.",
    )
    step_up_acr = forms.CharField(
        label="Assurance before a signature", max_length=MOST_ASSURANCES, required=False, help_text="As above."
    )
    phishing_resistant_acr = forms.CharField(
        label="Assurance that counts as a passkey",
        max_length=MOST_ASSURANCES,
        required=False,
        help_text="Without one, nobody signs or reads sensitive classes by this provider.",
    )
    prompt = forms.CharField(
        label="Prompt before a signature",
        max_length=40,
        required=False,
        initial="login",
        help_text="login.gov takes none.",
    )

    def __init__(self, organisations: Iterable[Organisation], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "any organisation"), *((one.id, one.name) for one in organisations)]

    def clean_issuer(self) -> str:
        """An address over TLS, or of this host."""
        try:
            return check_address(str(self.cleaned_data["issuer"]))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_key_file(self) -> str:
        """A file that holds a private key."""
        path = str(self.cleaned_data["key_file"])
        try:
            own_key(Path(path))
        except (OSError, ValueError) as error:
            raise forms.ValidationError("There is no file of that name that holds a private key in PEM.") from error
        return path

    def provider(self) -> IdentityProvider:
        """As the registry takes it."""
        given = dict(self.cleaned_data)
        for name in ("acr", "step_up_acr", "phishing_resistant_acr"):
            given[name] = tuple(str(given[name]).split())
        return IdentityProvider(**given)
