"""Sign-in by an identity provider: OpenID Connect's authorisation code, with `private_key_jwt` and PKCE.

- What comes back is taken only with the state, nonce and verifier that this session sent, once, within `PENDING`.
- The token's signature is checked with the provider's keys and by asymmetric algorithms alone; issuer, audience, times,
  nonce and the assurance that was asked for are checked. A lower assurance than was asked for signs nobody in.
- A person is (issuer, subject). Addresses and names are not asked for.

RFC 6749 4.1, RFC 7523 2.2, RFC 7636, RFC 9207; OpenID Connect Core 1.0, 3.1.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from seatrial.portal.identity.assurance import Factor, Need

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joserfc.jwk import KeySetSerialization

    from seatrial.storage.stores.identity import IdentityProvider

DISCOVERY = "/.well-known/openid-configuration"
PENDING = timedelta(minutes=10)  # our decision: a person types a password and a code meanwhile
TIMEOUT_S = 10.0
SKEW_S = 60  # clocks of two hosts
ASSERTION_S = 300
SECRET_BYTES = 32
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric only: `none`, and a client's own secret as key, are no signature of a provider."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STEPS = frozenset({Need.FRESH, Need.PASSKEY, Need.SIGNING})


class NotSignedIn(Exception):
    """An answer of a provider that is not taken; the page says the same for all of them."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that waits for its answer; kept in the session under its state."""

    provider: str
    nonce: str
    verifier: str
    need: str
    next: str
    at: float

    def kept(self) -> dict[str, Any]:
        """For the session."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider vouched for."""

    issuer: str
    subject: str
    factor: Factor
    anew: bool
    """Whether they proved themselves for this sign-in, and the provider did not just know them still."""


@dataclass(frozen=True)
class Client:
    """This portal towards one provider."""

    provider: IdentityProvider
    redirect_uri: str
    random: Callable[[int], str] = secrets.token_urlsafe

    def begin(self, need: Need, then: str, now: datetime) -> tuple[str, str, Begun]:
        """Where to send the browser, the state, and what the session keeps under it."""
        provider, state = self.provider, self.random(SECRET_BYTES)
        begun = Begun(
            provider.id, self.random(SECRET_BYTES), self.random(SECRET_BYTES), need.value, then, now.timestamp()
        )
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": begun.nonce,
        }
        if acr := asked_for(provider, need):
            asked["acr_values"] = " ".join(acr)
        if provider.pkce:
            asked |= {"code_challenge": _challenge(begun.verifier), "code_challenge_method": "S256"}
        if need in STEPS and provider.prompt:
            asked["prompt"] = provider.prompt
        with _network() as network:
            there = self._described(network)["authorization_endpoint"]
        return f"{there}{'&' if urlsplit(there).query else '?'}{urlencode(asked)}", state, begun

    def finish(self, begun: Begun, answer: Mapping[str, str], now: datetime) -> Vouched:
        """What the provider vouches for.

        Raises:
            NotSignedIn: The answer is not the one to what was begun, or does not hold.
        """
        if now.timestamp() - begun.at > PENDING.total_seconds():
            raise NotSignedIn("too late")
        if answer.get("iss", self.provider.issuer) != self.provider.issuer:
            raise NotSignedIn("another issuer answers")
        if "code" not in answer:
            raise NotSignedIn("no code")
        try:
            with _network() as network:
                described = self._described(network)
                token = self._exchanged(network, described, begun, answer["code"], now)
                claims = self._verified(network, described, token, begun, now)
        except (httpx.HTTPError, JoseError, KeyError, TypeError, ValueError) as error:
            raise NotSignedIn(type(error).__name__) from error
        anew = Need(begun.need) in STEPS or claims.get("auth_time", 0) >= begun.at - SKEW_S
        return Vouched(self.provider.issuer, str(claims["sub"]), self._factor(begun, claims), anew)

    def _described(self, network: httpx.Client) -> dict[str, Any]:
        """What the provider says of itself; only ever over TLS, but for this host."""
        described = _read(network.get(self.provider.issuer.rstrip("/") + DISCOVERY))
        if described["issuer"] != self.provider.issuer:
            raise NotSignedIn("the provider says another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            check_address(described[name])
        return described

    def _exchanged(
        self, network: httpx.Client, described: Mapping[str, Any], begun: Begun, code: str, now: datetime
    ) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.provider.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(described["token_endpoint"], now),
        }
        if self.provider.pkce:
            form["code_verifier"] = begun.verifier
        return str(_read(network.post(described["token_endpoint"], data=form))["id_token"])

    def _assertion(self, endpoint: str, now: datetime) -> str:
        key, algorithm = own_key(Path(self.provider.key_file))
        header = {"kid": self.provider.key_id} if self.provider.key_id else {}
        at = int(now.timestamp())
        signed: str = private_key_jwt_sign(
            key,
            self.provider.client_id,
            endpoint,
            alg=algorithm,
            header=header,
            issued_at=at,
            expires_at=at + ASSERTION_S,
        )
        return signed

    def _verified(
        self, network: httpx.Client, described: Mapping[str, Any], token: str, begun: Begun, now: datetime
    ) -> CodeIDToken:
        keys = KeySet.import_key_set(cast("KeySetSerialization", _read(network.get(described["jwks_uri"]))))
        decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.provider.issuer},
                "aud": {"essential": True, "value": self.provider.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
                "iat": {"essential": True},
            },
            params={"nonce": begun.nonce, "client_id": self.provider.client_id},
        )
        claims.validate(now=int(now.timestamp()), leeway=SKEW_S)
        if Need(begun.need) in STEPS and claims.get("auth_time", begun.at) < begun.at - SKEW_S:
            raise NotSignedIn("nobody proved anything anew")
        return claims

    def _factor(self, begun: Begun, claims: Mapping[str, Any]) -> Factor:
        """How sure the provider is, by what it says and not by what was asked."""
        shown = str(claims.get("acr", "")).split()
        asked = asked_for(self.provider, Need(begun.need))
        if asked and not set(asked) & set(shown):
            raise NotSignedIn("a lower assurance than was asked for")
        return Factor.PASSKEY if set(shown) & set(self.provider.phishing_resistant_acr) else Factor.TWO


def asked_for(provider: IdentityProvider, need: Need) -> tuple[str, ...]:
    """The assurance that is asked for, in the provider's words."""
    return (provider.step_up_acr or provider.acr) if need in STEPS else provider.acr


def own_key(path: Path) -> tuple[RSAKey | ECKey, str]:
    """This portal's private key, and the algorithm that goes with it.

    Raises:
        ValueError: The file holds none.
        OSError: The file cannot be read.
    """
    pem = path.read_bytes()
    for kind, algorithm in ((RSAKey, "RS256"), (ECKey, "ES256")):
        try:
            key = kind.import_key(pem)
        except (ValueError, TypeError, JoseError):
            continue
        if key.is_private:
            return key, algorithm
    raise ValueError(f"{path}: holds no private RSA or P-256 key in PEM")


def check_address(address: str) -> str:
    """An address of a provider, which is one over TLS, or of this host.

    Raises:
        ValueError: It is not.
    """
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return address
    raise ValueError(f"{address}: an identity provider's address begins with https://")


def _network() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


def _read(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
