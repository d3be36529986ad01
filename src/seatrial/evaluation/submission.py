"""A review of a submission: it calls the gateway with a lease, and never sees the endpoint or its key.

- The lease's token is in no plan, file, argument or environment: it goes to the worker through its standard input.
- The plan records the submission's id and the digest of the lease, so that its calls can be found in the gateway's log.
- Access that ends is nobody's failure: what was in flight is censored, and the record says whose act it was.

>>> access_ended("Error code: 401 - lease_revoked: the lease was revoked")
'withdrawn (owner: developer): the lease was revoked'
>>> access_ended("Error code: 500")
''
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import httpx

from seatrial.custody.lease import LeaseToken
from seatrial.evaluation.rundir import RunError

if TYPE_CHECKING:
    from seatrial.custody.secret import Secret
    from seatrial.evaluation.plan import ReviewPlan
    from seatrial.evaluation.request import Request

SERVICE = "submission"
"""The service's name in Inspect's `openai-api/SERVICE/MODEL`."""
ASKING_S = 10.0
"""For a gateway to say what a lease allows; it answers by itself."""
_INSPECT = {"openai": f"openai-api/{SERVICE}/", "anthropic": "anthropic/", "google": "google/"}
_ARGUMENTS = {"google": {"api_version": "v1beta"}}  # of Inspect's provider: the version whose paths the gateway carries
_ENDS = {
    "lease_revoked": "withdrawn (owner: developer): the lease was revoked",
    "endpoint_gone": "withdrawn (owner: developer): the endpoint is deposited no more",
    "lease_suspended": "paused (owner: whoever paused the submission): its leases are suspended",
    "lease_expired": "stopped (owner: evaluator): the lease's time is over",
    "lease_unknown": "stopped (owner: evaluator): the gateway does not know the lease",
    "budget_exhausted": "stopped (owner: evaluator): the lease's budget is spent",
}


@dataclass(frozen=True, slots=True)
class Access:
    """How a review reaches a submitted model."""

    submission: str
    dialect: str
    gateway: str
    """The gateway's address, e.g. http://127.0.0.1:40123."""
    token: Secret
    max_output_tokens: int
    """Of one call: the gateway carries no call that does not state it."""

    @classmethod
    def through(
        cls, submission: str, model: str, gateway: str, token: Secret, transport: httpx.BaseTransport | None = None
    ) -> Access:
        """The access that a lease gives at a running gateway, in the gateway's own words. Raises `RunError`."""
        headers = {"authorization": f"Bearer {token.reveal().decode()}"}
        try:
            with httpx.Client(timeout=ASKING_S, transport=transport, trust_env=False) as client:
                got = client.get(f"{gateway}/lease", headers=headers)
            said = got.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise RunError(f"--gateway {gateway}: no gateway answers there: {type(error).__name__}") from None
        if got.status_code != 200:
            raise RunError(f"--lease: {said.get('error', {}).get('message', got.status_code)}")
        if said["submission"] != submission:
            raise RunError(f"--lease: is for {said['submission']}, not for {submission}")
        if model not in said["models"]:
            raise RunError(f"--model {model}: the lease is for {', '.join(said['models'])}")
        return cls(submission, said["dialect"], gateway, token, said["limits"]["max_output_per_request"])

    @property
    def lease_id(self) -> str:
        """The id of the lease, which is no secret."""
        return LeaseToken.parse(self.token.reveal().decode()).lease

    @property
    def lease_digest(self) -> str:
        """SHA-256 of the token, as custody and the ledger know the lease."""
        return f"sha256:{LeaseToken.parse(self.token.reveal().decode()).digest}"

    @property
    def base_url(self) -> str:
        """As the provider of this dialect wants it."""
        return f"{self.gateway}/v1" if self.dialect == "openai" else self.gateway

    def asked(self, request: Request) -> Request:
        """The request with its model as Inspect calls it through the gateway. Raises `RunError`: it cannot here."""
        if self.dialect == "google" and not _present("google.genai"):
            raise RunError("an endpoint in Google's dialect needs a package that is not here: pip install google-genai")
        return replace(request, model=_INSPECT[self.dialect] + request.model)

    def for_worker(self) -> bytes:
        """What the worker reads from its standard input."""
        token = self.token.reveal().decode()
        given = {
            "api_key": token,
            "base_url": self.base_url,
            "max_tokens": self.max_output_tokens,
            "arguments": _ARGUMENTS.get(self.dialect, {}),
        }
        return json.dumps(given).encode() + b"\n"


def _present(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def check_submission(plan: ReviewPlan, submission: str) -> str:
    """What is wrong when a plan is carried on for this submission, or for none; empty: nothing."""
    if plan.submission and not submission:
        return f"reviews {plan.submission}: carry on with --submission {plan.submission} and a lease"
    if plan.submission != submission:
        return f"its plan is for {plan.submission or 'no submission'}, not for {submission}"
    return ""


def access_ended(message: str) -> str:
    """Why a review's access ended, from the error of a call; empty when the error says nothing of it."""
    return next((why for code, why in _ENDS.items() if code in message), "")
