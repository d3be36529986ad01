"""`seatrial custody`: deposits, leases, what is held, shredding, receipts, and the gateway's process.

Exit codes: 0 done and true, 1 false (a receipt), 2 bad input.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.calls import calls
from seatrial.cli.custodial import private_file, spoken
from seatrial.cli.custody_serve import serve
from seatrial.cli.errors import bounded
from seatrial.cli.submit import DIALECTS, checked_endpoint, deposited
from seatrial.cli.weights import VERBS
from seatrial.cli.withdraw import known_of, printed, written
from seatrial.installation import Installation, home, now

if TYPE_CHECKING:
    from seatrial.custody.lease import Lease, LeaseToken, Limits, Prices
    from seatrial.custody.receipt import KeptReceipt

FILE = click.Path(path_type=Path, dir_okay=False)
PURPOSE = click.Choice(["evaluate", "judge", "reproduce", "scan"])
"""`seatrial.custody.crosslab.PURPOSES`: a lease for anything else would call nothing."""
MAX_RECEIPT_BYTES = 4 << 20
"""Of a receipt's file that is read: a line for each of ten thousand leases, keys and runs."""


@click.group()
def custody() -> None:
    """Sealed credentials and records, leases, deletion and its receipts."""


for _verb in (*VERBS, serve, calls):
    custody.add_command(_verb)


@custody.command()
@click.argument("submission")
@click.option("--url", required=True, help="The endpoint's base URL.")
@click.option("--dialect", default="openai", type=DIALECTS, help="The shape of its requests.")
@click.option("--credential", required=True, metavar="FILE", help="File that holds the key; - is standard input.")
@click.option("--host", "hosts", multiple=True, help="A host registered for endpoints. Default: the URL's own.")
@click.option("--on-site", is_flag=True, help="Allow an address of a private network or of this host.")
def deposit(submission: str, *, on_site: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Deposit an endpoint for SUBMISSION in place of a former one."""
    with spoken():
        installation = Installation.open()
        owner = installation.record(submission).standing.developer
        endpoint, rules = checked_endpoint(
            given["url"], given["dialect"], owner, given["credential"], given["hosts"], on_site=on_site
        )
        sealed = deposited(installation, submission, endpoint, rules, now())
    click.echo(f"sealed: {sealed}")


@custody.command()
@click.argument("submission")
@click.option("--model", "models", multiple=True, required=True, help="A model it may call; may be repeated.")
@click.option("--purpose", default="evaluate", show_default=True, type=PURPOSE, help="What the calls are for.")
@click.option("--attempt", default="", help="The run that spends it, by id.")
@click.option("--issuer", required=True, help="The person who issues it, by id.")
@click.option("--for-hours", default=24, show_default=True, type=click.IntRange(1, 720), help="Until it expires.")
@click.option("--requests", default=10_000, show_default=True, type=click.IntRange(1), help="Calls at most.")
@click.option("--input-tokens", default=50_000_000, show_default=True, type=click.IntRange(1), help="In all, at most.")
@click.option("--output-tokens", default=5_000_000, show_default=True, type=click.IntRange(1), help="In all, at most.")
@click.option("--concurrent", default=32, show_default=True, type=click.IntRange(1), help="Calls at one time.")
@click.option("--access-hours", type=click.IntRange(1), help="Hours from the first call on.")
@click.option("--microdollars", type=click.IntRange(1), help="Needs --prices.")
@click.option("--prices", metavar="IN,OUT", help="Microdollars a million tokens, in and out.")
@click.option(
    "--token-file", required=True, type=FILE, help="A new file (0600) that gets the token; it is shown nowhere."
)
def lease(submission: str, token_file: Path, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Issue a lease on SUBMISSION's endpoint."""
    with spoken():
        installation = Installation.open()
        if token_file.exists():
            raise ValueError(f"{token_file}: exists already; name a new file")
        with private_file(token_file) as file:  # first: no lease whose token nobody has
            issued, token = issue(installation, submission, given)
            file.write(token.secret.reveal() + b"\n")
    click.echo(f"issued: {issued.id} until {issued.expires.isoformat()}")


def issue(installation: Installation, submission: str, given: dict[str, Any]) -> tuple[Lease, LeaseToken]:
    """Issue a lease and record it; one that the ledger does not take is revoked. `given` are the options by name."""
    from seatrial.custody.entries import record_owed

    issued, token = _lease(installation, submission, given)
    installation.custody.leases.issue(issued, now())
    try:
        record_owed(installation.custody.entries, installation.house.log, installation.custodian)
    except BaseException:
        installation.custody.leases.revoke(issued.id, now())
        raise
    return issued, token


def _lease(installation: Installation, submission: str, given: dict[str, Any]) -> tuple[Lease, LeaseToken]:
    from seatrial.custody.lease import Lease, LeaseRefused, LeaseToken, new_lease_id
    from seatrial.framework.requirement import access_open

    standing, at = installation.record(submission).standing, now()
    if standing.subject is None or not access_open(standing, at):
        raise LeaseRefused(
            f"{submission}: is in state {standing.state} with no open window; the developer opens access"
        )
    window = standing.window
    expires = at + timedelta(hours=given["for_hours"])
    token = LeaseToken.new(new_lease_id())
    made = Lease(
        id=token.lease,
        token_digest=token.digest,
        submission=submission,
        subject_digest=standing.subject.digest,
        purpose=given["purpose"],
        models=tuple(given["models"]),
        content_owners=(standing.developer,),
        attempt=given["attempt"],
        not_before=at,
        expires=min(expires, window.end) if window is not None else expires,
        issuer=given["issuer"],
        limits=_limits(given),
        prices=_prices(given["prices"]),
    )
    return made, token


def _limits(given: dict[str, Any]) -> Limits:
    from seatrial.custody.lease import Limits

    return Limits(
        max_requests=given["requests"],
        max_input_tokens=given["input_tokens"],
        max_output_tokens=given["output_tokens"],
        max_concurrent=given["concurrent"],
        max_microdollars=given["microdollars"],
        max_hours=given["access_hours"],
    )


def _prices(text: str | None) -> Prices | None:
    from seatrial.custody.lease import Prices

    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise ValueError("--prices: write IN,OUT in microdollars a million tokens, e.g. 3000000,15000000")
    return Prices(int(parts[0]), int(parts[1]))


@custody.command()
@click.argument("submission")
def status(submission: str) -> None:
    """What custody holds of SUBMISSION: ids, states and counts, as JSON; never content."""
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.keys import check_id

    with spoken():
        check_id(submission, "sub")
        opened = CustodyHome.open(home())
        click.echo(json.dumps(_status(opened, submission), indent=2))


def _status(opened: Any, submission: str) -> dict[str, Any]:  # noqa: ANN401 - custody's home, imported when called
    ended, shredding = opened.leases.ended(submission), opened.shreddings.load(submission)
    suspended = opened.leases.suspended(submission)
    return {
        "submission": submission,
        "ended": ended.isoformat() if ended else None,
        "leases": [_lease_status(opened, one) for one in opened.leases.of_submission(submission)],
        "calls_in_flight": opened.leases.open_calls(submission),
        "keys": [
            {"key": one.key, "scope": one.scope.text, "government_half": opened.vault.holder.exists(one.key)}
            for one in opened.vault.keys.of_submission(submission)
        ],
        "records": opened.records.measure(submission).count,
        "paused": suspended.isoformat() if suspended else None,
        "weights_in_memory": [str(place.directory) for place in opened.opened.still(submission)],
        "entries_owed": opened.entries.of_submission(submission),
        "deletion_due": shredding.due_at.isoformat() if shredding else None,
        "deletion_done": shredding.done_at.isoformat() if shredding and shredding.done_at else None,
    }


def _lease_status(opened: Any, one: Lease) -> dict[str, Any]:  # noqa: ANN401 - the same
    spend = opened.leases.spend(one.id)
    return {
        "lease": one.id,
        "state": one.state.value,
        "expires": one.expires.isoformat(),
        "requests": [spend.settled.requests, one.limits.max_requests],
        "input_tokens": [spend.settled.input_tokens, one.limits.max_input_tokens],
        "output_tokens": [spend.settled.output_tokens, one.limits.max_output_tokens],
        "microdollars": [spend.settled.microdollars, one.limits.max_microdollars],
        "in_flight": spend.open_calls,
    }


@custody.command()
@click.argument("path", type=FILE)
def key(path: Path) -> None:
    """Make a key pair for a person who signs deletions: PATH (0600), and its public half beside it."""
    from seatrial.custody.home import make_signing_key

    with spoken():
        click.echo(f"public key: {make_signing_key(path)}")


@custody.command()
@click.argument("lease")
def revoke(lease: str) -> None:
    """End LEASE now: its calls are refused, and weights that lie open under it are removed."""
    with spoken():
        installation = Installation.open()
        opened, at = installation.custody, now()
        was_active = opened.leases.revoke(lease, at)
        removed = opened.opened.remove_over(opened.leases, at)
        owed = installation.record_owed()
    click.echo(f"{'revoked' if was_active else 'over before'}: {lease}" + (" (ledger entry owed)" if owed else ""))
    if removed:
        click.echo(f"weights removed from memory: {removed}")


@custody.command()
@click.argument("submission")
@click.option(
    "--signer", "key_file", required=True, type=FILE, help="The second signature: a person's private key, PEM."
)
@click.option("--name", required=True, help="The person's id.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where the receipt is written.")
def shred(submission: str, key_file: Path, name: str, folder: Path | None) -> None:
    """Shred all that is sealed of SUBMISSION, which has been withdrawn or is over, issue the receipt, and purge."""
    with spoken():
        installation = Installation.open()
        receipt = _shredded(installation, submission, key_file, name)
        paths = written(receipt, folder or home() / "receipts")
        state = _purged(installation, submission)
    statement = receipt.statement
    click.echo(f"shredded: {submission}, {len(statement['keys'])} keys, done {statement['done_at']}")
    click.echo(statement["limits"])
    click.echo("receipt: " + ", ".join(str(path) for path in paths) + ("" if receipt.proof else " (proof owed)"))
    click.echo(state)


def _shredded(installation: Installation, submission: str, key_file: Path, name: str) -> KeptReceipt:
    from seatrial.custody.home import signer_of
    from seatrial.custody.keys import CustodyError
    from seatrial.custody.receipt import ReceiptKind, signed_receipt
    from seatrial.custody.shred import deletion_statement
    from seatrial.framework.hold import held_whole, hold_ends
    from seatrial.framework.instant import text
    from seatrial.storage.backup_record import BackupRecord

    opened, at = installation.custody, now()
    standing = installation.record(submission).standing
    if standing.state not in {"withdrawn", "closed", "declined", "expired", "purged"}:
        raise CustodyError(f"{submission}: is in state {standing.state}; it is shredded once withdrawn or over")
    if held_whole(standing, at) and (ends := hold_ends(standing)):
        raise CustodyError(
            f"{submission}: evidence of an incident is kept until {text(ends)}; only a withdrawal removes it sooner"
        )
    person, service = signer_of(key_file), opened.signer()
    shredding = opened.shredder(installation.holdings).shred(submission, at)
    signers = {"custody": service.public_key.keyid, name: person.public_key.keyid}
    known = known_of(installation, submission)
    backup = BackupRecord(home()).oldest()
    statement = deletion_statement(shredding, signers=signers, oldest_backup=backup, known=known)
    kept = opened.receipts.put(signed_receipt(ReceiptKind.DELETION, submission, statement, [service, person]))
    installation.record_owed()
    return opened.receipts.get(ReceiptKind.DELETION, submission) or kept


def _purged(installation: Installation, submission: str) -> str:
    """Take the custodian's last act if it can be taken now, and say where the submission stands."""
    from seatrial.framework.hold import hold_ends
    from seatrial.framework.instant import text
    from seatrial.rounds import purged

    standing = installation.record(submission).standing
    if standing.state == "purged":
        return "state: purged"
    try:
        if purged(installation, submission, now()):
            return "state: purged"
    except Exception as error:  # noqa: BLE001 - the ledger cannot append: nothing that is destroyed comes back
        return f"state: {standing.state}; the purge waits ({type(error).__name__}): the next sweep goes on"
    ends = hold_ends(standing)
    until = f" for the evidence of an incident, until {text(ends)}" if ends else " for its time of retention"
    return f"state: {standing.state}; the purge waits{until}"


@custody.command()
def sweep() -> None:
    """Do once what `seatrial custody serve` does every minute: all that is due by itself. Without it, run it hourly."""
    from seatrial.custody.receipt import ReceiptKind
    from seatrial.rounds import go_round

    with spoken():
        installation = Installation.open()
        unfinished = installation.custody.shreddings.unfinished
        before = unfinished()
        went = go_round(installation, now())
        gone = set(before) - set(unfinished())
    for submission in before:
        if submission in gone and installation.custody.receipts.get(ReceiptKind.DELETION, submission) is None:
            click.echo(f"shredded: {submission}; its receipt needs a person: seatrial custody shred {submission}")
    click.echo(", ".join(f"{count} {name}" for name, count in went.done.items()))
    for fault in went.faults:
        click.echo(f"not done: {fault}", err=True)
    raise SystemExit(1 if went.faults else 0)


@custody.group()
def receipt() -> None:
    """Receipts of withdrawal and deletion."""


@receipt.command()
@click.argument("submission")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where they are written.")
def show(submission: str, folder: Path | None) -> None:
    """Write SUBMISSION's receipts again, with proofs that were owed as far as the ledger answers now."""
    from seatrial.custody.receipt import ReceiptKind

    with spoken():
        installation = Installation.open()
        opened = installation.custody
        installation.record_owed()
        kept = [one for kind in ReceiptKind if (one := opened.receipts.get(kind, submission))]
        if not kept:
            raise LookupError(f"{submission}: no receipt was issued")
        for one in kept:
            click.echo(f"{one.kind}: " + ", ".join(str(path) for path in written(one, folder or home() / "receipts")))


@receipt.command()
@click.argument("envelope", type=FILE)
@click.option("--proof", type=FILE, help="The .tlog-proof file beside it.")
@click.option("--key", "keys", multiple=True, required=True, type=FILE, help="A public key, PEM; may be repeated.")
@click.option("--log-key", default="", help="The log's public key: its text, or a file that holds it.")
def verify(envelope: Path, proof: Path | None, keys: tuple[Path, ...], log_key: str) -> None:
    """Verify a receipt offline, with public keys alone, and print what it says."""
    from seatrial.custody.home import public_key_of
    from seatrial.custody.receipt import KeptReceipt, verify_statement

    with spoken():
        text = Path(log_key).read_text().strip() if log_key and Path(log_key).is_file() else log_key
        public = [public_key_of(path) for path in keys]
        sealed = bounded(envelope, MAX_RECEIPT_BYTES)
        proven = bounded(proof, MAX_RECEIPT_BYTES) if proof else None
        verified = verify_statement(sealed, proven, public, log_key=text or None)
    click.echo(f"{verified.kind}: signatures verified ({len(verified.signed_by)})")
    if verified.recorded is None:
        click.echo("ledger: not checked (no proof was given)")
    else:
        click.echo(f"ledger: verified, entry {verified.recorded.index} of {verified.recorded.origin}")
    submission = verified.statement["submission"]
    click.echo(printed(KeptReceipt(verified.kind, submission, sealed, proven)))
