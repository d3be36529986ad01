"""Submissions at a portal, for the verbs that say the same of this installation: what is sent, and what comes back."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from seatrial.cli.remote import form_sent, paper

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.cli.remote import Portal
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.custody.secret import Secret
    from seatrial.desk import Brought
    from seatrial.framework.consent import Consent

WENT = {
    "token": "the deposit's token was used or too old; run it again",
    "address": "the endpoint's address is not taken",
    "key": "the endpoint's key is not taken",
    "ended": "the submission is over",
    "busy": "custody could not seal it now; run it again",
}


def summary(item: dict[str, Any]) -> dict[str, Any]:
    """A line of a list, as the command says it."""
    return {
        "submission": item["id"],
        "state": item["state"],
        "since": _instant(item["since"]),
        "code_name": item["code_name"],
        "evaluator": item["evaluator"],
        "pack": item["pack"],
        "access_ends": _instant(item["access_ends"]),
    }


def steps(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of one."""
    return [{**one, "at": _instant(one["at"])} for one in item["steps"]]


def acted(portal: Portal, name: str, event: str, brought: Brought) -> dict[str, Any]:
    """Take a step on the version that is there now."""
    if event == "withdraw":
        raise ValueError(f"a withdrawal reaches custody as well; run: seatrial withdraw {name} --portal {portal.url}")
    version = portal.get(f"submissions/{name}")["version"]
    body: dict[str, Any] = {"event": event, "papers": [paper(kind, content) for kind, content in brought.papers]}
    body |= {"reason": brought.reason, "marks": dict(brought.marks)}
    if brought.date is not None:
        body["date"] = brought.date.isoformat()
    if brought.consent is not None:
        body["consent"] = _consent(brought.consent, event)
    taken: dict[str, Any] = portal.post(f"submissions/{name}/steps", body, version)
    return taken


def receipts(portal: Portal, name: str, taken: dict[str, Any], folder: Path | None) -> list[Path]:
    """The receipts of what was just done, written to a folder."""
    paths: list[Path] = []
    first = taken["version"] - len(taken["entries"]) + 1
    for seq in range(first, taken["version"] + 1) if folder is not None else ():
        found = portal.get(f"submissions/{name}/receipts/{seq}")
        assert folder is not None  # noqa: S101 - there is nothing to do without one
        paths.append(folder / f"{name}-{found['index']}.tlog-proof")
        paths[-1].write_text(found["proof"])
    return paths


def withdrawn(portal: Portal, name: str) -> KeptReceipt:
    """Withdraw at the portal; the receipt."""
    from seatrial.custody.receipt import KeptReceipt, ReceiptKind

    found = portal.post(f"submissions/{name}/withdraw", {})
    proof = b64decode(found["proof"]) if found["proof"] else None
    return KeptReceipt(ReceiptKind(found["kind"]), found["submission"], b64decode(found["envelope"]), proof)


def deposited(portal: Portal, name: str, url: str, dialect: str, key: Secret) -> None:
    """Deposit an endpoint with the portal's custody, past the portal itself. Raises `ValueError`."""
    token = portal.post(f"submissions/{name}/deposits", {})
    form = {"token": token["token"], "submission": name, "base_url": url, "dialect": dialect}
    status, back = form_sent(f"{token['custody']}/deposits", {**form, "key": key.reveal().decode()})
    said = parse_qs(urlsplit(back).query).get("deposit", [""])[0]
    if said != "done":
        raise ValueError(f"{name}: {WENT.get(said, f'custody answered {status}')}; nothing is sealed")


def _consent(consent: Consent, event: str) -> dict[str, Any]:
    """What its giver says of a consent; who signs, and when, is the portal's to say."""
    if event == "revoke_consent":
        return {"id": consent.id}
    recipients = sorted((one.organisation, str(one.role)) for one in consent.recipients)
    return {
        "activity": str(consent.activity),
        "purposes": sorted(consent.purposes),
        "recipients": [{"organisation": organisation, "role": role} for organisation, role in recipients],
        "classes": sorted(consent.classes),
        "expires": consent.expires.isoformat(),
    }


def _instant(written: str | None) -> str | None:
    """A time as this command writes it."""
    from seatrial.framework.instant import text

    return text(datetime.fromisoformat(written)) if written else None
