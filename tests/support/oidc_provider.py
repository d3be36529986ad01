"""An identity provider on loopback: discovery, keys, authorisation code with PKCE, `private_key_jwt`; and its lies.

It answers for one person, `subject`, who agrees to everything. `claims` replaces what a token says, `key` what it is
signed with, `unsigned` leaves the signature away.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@cache
def _key(name: str) -> RSAKey:
    """One key a name and a run of the tests: making one takes longer than a test."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class Provider:
    client_id: str = "urn:example:seatrial"
    subject: str = "subject-1"
    acr: str = ""
    requires_pkce: bool = True
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    unsigned: bool = False
    client_key: RSAKey = field(default_factory=lambda: _key("client"))
    published: RSAKey = field(default_factory=lambda: _key("1"))
    key: RSAKey | None = None
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    assertions: set[str] = field(default_factory=set)

    def authorise(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to."""
        self.asked = asked
        if asked["client_id"] != self.client_id or asked["response_type"] != "code" or "openid" not in asked["scope"]:
            raise ValueError("no such client, or not a code")
        if self.requires_pkce and asked.get("code_challenge_method") != "S256":
            raise ValueError("no code challenge")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str]) -> dict[str, str]:
        """The token for a code, once."""
        asked = self.codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            raise ValueError("no such code")
        if self.requires_pkce:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                raise ValueError("another verifier")
        self._client(form)
        return {"id_token": self._id_token(asked), "access_token": "x", "token_type": "Bearer"}

    def _client(self, form: dict[str, str]) -> None:
        if form["client_assertion_type"] != JWT_BEARER or "client_secret" in form:
            raise ValueError("not private_key_jwt")
        said = jwt.decode(form["client_assertion"], self.client_key, algorithms=["RS256"]).claims
        if (said["iss"], said["sub"], said["aud"]) != (self.client_id, self.client_id, f"{self.issuer}/token"):
            raise ValueError("the assertion is another's")
        if not time.time() < said["exp"] < time.time() + 600 or said["jti"] in self.assertions:
            raise ValueError("the assertion is too old, or was here")
        self.assertions.add(said["jti"])

    def _id_token(self, asked: dict[str, str]) -> str:
        at = int(time.time())
        said: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.client_id,
            "iat": at,
            "exp": at + 300,
            "nonce": asked["nonce"],
            **({"acr": self.acr} if self.acr else {}),
            **self.claims,
        }
        if self.unsigned:
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, said))
            return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])
        return jwt.encode({"alg": "RS256", "kid": "1"}, said, self.key or self.published)

    def described(self) -> dict[str, Any]:
        """Its discovery document."""
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in names.items()}}


@contextmanager
def provider() -> Iterator[Provider]:
    """An identity provider that answers on a port of its own."""
    one = Provider()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._json(one.described())
            elif parts.path == "/keys":
                self._json({"keys": [one.published.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", one.authorise(_flat(parts.query)))
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
            try:
                self._json(one.token(form))
            except (ValueError, KeyError) as error:
                one.refusals.append(str(error))
                self._json({"error": "invalid_grant"}, 400)

        def _json(self, said: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:  # noqa: ANN401
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        one.issuer = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield one
        server.shutdown()


def _flat(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded).items()}
