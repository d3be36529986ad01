"""`seatrial ledger`: a log and its receipts at the command line; no network but for witnesses, no Django.

Exit codes: 0 done and true, 1 false (a receipt, or two histories), 2 bad input, 3 a witness did not answer.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.errors import in_words
from seatrial.cli.witness import witness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.ledger.cosign import Round, WitnessAddress
    from seatrial.ledger.event import Event
    from seatrial.ledger.folder import LedgerFolder
    from seatrial.ledger.policy import Policy
    from seatrial.ledger.receipt import Receipt, VerifiedReceipt

BATCH = 512
"""Events that become durable together: enough that the disk's wait is shared, few enough that a receipt comes soon."""


@contextmanager
def spoken() -> Iterator[None]:
    """Turn the room's errors into one line and an exit code."""
    from seatrial.ledger.errors import LedgerError, NotVerified, SplitView

    try:
        yield
    except (NotVerified, SplitView) as error:
        _say(f"false: {error}", 1)
    except (LedgerError, LookupError, OSError, RecursionError, sqlite3.Error) as error:
        _say(in_words(error), 2)


def _say(text: str, code: int) -> None:
    click.echo(f"seatrial: {text}", err=True)
    sys.exit(code)


def _default_folder() -> Path:
    home = os.environ.get("SEATRIAL_HOME")
    return (Path(home) if home else Path.home() / ".local/share/seatrial") / "ledger"


FOLDER = click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the log lives. Default: ledger below SEATRIAL_HOME."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
POLICY = click.option(
    "--policy", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A C2SP tlog-policy file."
)


def _folder(option: Path | None) -> LedgerFolder:
    from seatrial.ledger.folder import LedgerFolder

    return LedgerFolder(option or _default_folder())


def _policy(path: Path | None) -> Policy | None:
    from seatrial.ledger.policy import Policy

    return Policy.parse(path.read_bytes()) if path else None


@click.group()
def ledger() -> None:
    """An append-only record of digests and ids that outsiders can check: log, receipts, witnesses."""


ledger.add_command(witness)


@ledger.command()
@click.argument("origin", required=False)
@FOLDER
@JSON
def init(origin: str | None, folder: Path | None, *, as_json: bool) -> None:
    """Make a log and its key. ORIGIN names it, like `agency.example/log`; without one, a local name is drawn."""
    with spoken():
        own = _folder(folder)
        log = own.begin(origin or f"localhost/seatrial-{secrets.token_hex(4)}", secrets.token_bytes(32))
        key = log.signer.verifier.text
    if as_json:
        click.echo(json.dumps({"origin": log.origin, "key": key, "folder": str(own.path)}))
        return
    click.echo(key)
    click.echo(f"log {log.origin} in {own.path}; give the line above to whoever verifies receipts", err=True)


@ledger.command()
@click.argument("events", type=click.File("rb"), default="-")
@click.option("--receipts", type=click.Path(path_type=Path, file_okay=False), help="Write INDEX.tlog-proof files here.")
@FOLDER
@JSON
def append(events: Any, receipts: Path | None, folder: Path | None, *, as_json: bool) -> None:  # noqa: ANN401
    """Append events (JSON, one a line, or one array) and print their receipts once they are durable.

    `at`, `nonce`, `v`, `refs`, `ids` and `nums` may be left out: now, fresh randomness, 1, and nothing.
    """
    with spoken():
        log = _folder(folder).open()
        if receipts:
            receipts.mkdir(parents=True, exist_ok=True)
        for batch in _batches(_read_events(events)):
            for receipt in log.append(batch):
                _hand_out(receipt, receipts, as_json=as_json)
            sys.stdout.flush()


def _hand_out(receipt: Receipt, receipts: Path | None, *, as_json: bool) -> None:
    from seatrial.ledger.receipt import SUFFIX

    if receipts:
        (receipts / f"{receipt.index}{SUFFIX}").write_bytes(receipt.encode())
    if as_json:
        shown = {"index": receipt.index} if receipts else {"index": receipt.index, "receipt": receipt.encode().decode()}
        click.echo(json.dumps(shown))
    else:
        click.echo(receipts / f"{receipt.index}{SUFFIX}" if receipts else receipt.encode().decode())


def _batches(events: Iterator[Event]) -> Iterator[Sequence[Event]]:
    """Part the events; those before a bad one are a batch of their own, so that they are kept."""
    from seatrial.ledger.errors import Malformed

    batch: list[Event] = []
    try:
        for event in events:
            batch.append(event)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except Malformed:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _read_events(source: Any) -> Iterator[Event]:  # noqa: ANN401  # click's file of bytes
    from datetime import UTC, datetime

    from seatrial.ledger.errors import Malformed
    from seatrial.ledger.event import Event, instant

    for number, fields in _objects(source):
        try:
            now = instant(datetime.now(UTC))
            left_out = {"at": now, "nonce": secrets.token_hex(16), "v": 1, "refs": {}, "ids": {}, "nums": {}}
            yield Event.from_fields({**left_out, **fields} if isinstance(fields, dict) else fields)
        except Malformed as error:
            raise _numbered(number, error) from None


def _numbered(number: int, error: Exception) -> Exception:
    from seatrial.ledger.errors import Malformed

    return Malformed(f"event {number}: {str(error).removeprefix('event').lstrip(': ')}; those before it are kept")


def _objects(source: Any) -> Iterator[tuple[int, object]]:  # noqa: ANN401  # click's file of bytes
    from seatrial.ledger.errors import Malformed
    from seatrial.ledger.event import strict_json

    number = 0
    for line in source:
        if line.lstrip().startswith(b"[") and not number:
            found = strict_json(line + source.read())
            if not isinstance(found, list):
                raise Malformed("an array of events, or one event a line, is expected")
            yield from enumerate(found, 1)
            return
        if line.strip():
            number += 1
            try:
                yield number, strict_json(line)
            except Malformed as error:
                raise _numbered(number, error) from None


@ledger.command()
@click.option("--witness", "witnesses", nargs=2, multiple=True, metavar="KEY URL", help="May be repeated.")
@click.option("--no-push", is_flag=True, help="Print only; ask no witness.")
@POLICY
@FOLDER
@JSON
def checkpoint(
    witnesses: tuple[tuple[str, str], ...], policy: Path | None, folder: Path | None, *, no_push: bool, as_json: bool
) -> None:
    """Print the newest signed checkpoint, with the cosignatures of the witnesses that saw it grow.

    Witnesses come from --witness, from the addresses of --policy, or from the file `policy` in the log's folder.
    """
    from seatrial.ledger.cosign import Round, cosign
    from seatrial.ledger.post import http_post

    with spoken():
        own = _folder(folder)
        log = own.open()
        kept = own.path / "policy"
        asked = _addresses(witnesses, _policy(policy or (kept if kept.exists() else None)))
        outcome = Round(log.checkpoint(), (), {}, {}) if no_push else cosign(log, asked, http_post)
    _print_round(outcome, as_json=as_json)


def _addresses(witnesses: Sequence[tuple[str, str]], policy: Policy | None) -> list[WitnessAddress]:
    from seatrial.ledger.cosign import WitnessAddress
    from seatrial.ledger.note import read_verifier

    given = [WitnessAddress(read_verifier(key), url) for key, url in witnesses]
    keys = policy.witnesses.values() if policy else ()
    urls = policy.urls if policy else {}
    return given + [WitnessAddress(key, urls[key.text]) for key in keys if key.text in urls]


def _print_round(outcome: Round, *, as_json: bool) -> None:
    if as_json:
        shown = {"checkpoint": outcome.note.decode(), "cosigned": outcome.cosigned}
        click.echo(json.dumps({**shown, "missing": outcome.missing, "split": outcome.split}))
    else:
        click.echo(outcome.note.decode(), nl=False)
    for name, why in (*outcome.missing.items(), *outcome.split.items()):
        click.echo(f"seatrial: {'ALARM: ' if name in outcome.split else ''}witness {name}: {why}", err=True)
    if outcome.split or outcome.missing:
        sys.exit(1 if outcome.split else 3)


@ledger.command()
@click.argument("index", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path), help="Default: INDEX.tlog-proof here; - prints it.")
@FOLDER
@JSON
def prove(index: int, out: Path | None, folder: Path | None, *, as_json: bool) -> None:
    """Write the receipt of entry INDEX, under the newest cosigned checkpoint that covers it, else the newest."""
    from seatrial.ledger.receipt import SUFFIX

    with spoken():
        receipt = _folder(folder).open().receipt(index)
        target = out or Path(f"{index}{SUFFIX}")
        if as_json:
            click.echo(json.dumps({"index": index, "receipt": receipt.encode().decode()}))
        elif str(target) == "-":
            click.echo(receipt.encode(), nl=False)
        else:
            target.write_bytes(receipt.encode())
            click.echo(target)


@ledger.command()
@click.argument("receipt", type=click.File("rb"))
@click.option("--key", help="The log's public key, or a file that holds it; not needed when the policy names the log.")
@POLICY
@JSON
def verify(receipt: Any, key: str | None, policy: Path | None, *, as_json: bool) -> None:  # noqa: ANN401
    """Check a receipt offline: exit 0 true, 1 false, 2 not a receipt.

    With a policy, the cosignatures must meet its quorum as well.
    """
    from seatrial.ledger.receipt import verify_receipt

    with spoken():
        text = Path(key).read_text("utf-8") if key and Path(key).is_file() else key
        shown = verify_receipt(receipt.read(), text, _policy(policy))
    _print_verified(shown, as_json=as_json)
    if not shown.holds:
        _say("false: too few of the policy's witnesses cosigned", 1)


def _print_verified(shown: VerifiedReceipt, *, as_json: bool) -> None:
    fields = json.loads(shown.event.entry)
    if as_json:
        place = {"index": shown.index, "size": shown.size, "origin": shown.origin, "cosigned_by": shown.cosigned_by}
        click.echo(json.dumps({"holds": shown.holds, **place, "quorum_met": shown.quorum_met, "event": fields}))
        return
    word = "true" if shown.holds else "not shown"
    click.echo(f"{word}: entry {shown.index} of {shown.size} in {shown.origin}")
    click.echo(f"  {shown.event.kind} of {shown.event.stream}, by the house's clock at {shown.event.at}")
    witnesses = ", ".join(shown.cosigned_by) or ("none" if shown.quorum_met is not None else "none asked for")
    click.echo(f"  signed by the log; witnesses: {witnesses}")


@ledger.command("continue")
@FOLDER
@JSON
def go_on(folder: Path | None, *, as_json: bool) -> None:
    """Go on under a new origin after the store was restored from a copy; what was published stays as it is."""
    from datetime import UTC, datetime

    from seatrial.ledger.errors import LedgerError

    with spoken():
        place = folder or _default_folder()
        if (place / "log.key").exists() and not (place / "log.sqlite").exists():  # one key signs for one store only
            raise LedgerError(f"{place}: its entries are kept by an installation; use: seatrial submission continue")
        log = _folder(folder).go_on(datetime.now(UTC), secrets.token_bytes)
    key = log.signer.verifier.text
    if as_json:
        click.echo(json.dumps({"origin": log.origin, "key": key}))
        return
    click.echo(key)
    click.echo(f"the record goes on as {log.origin}; give the line above to whoever verifies receipts", err=True)
