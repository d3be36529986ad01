"""`seatrial ledger witness`: the process that another party runs to see the log grow."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from seatrial.ledger.note import CosignatureSigner, NoteVerifier
    from seatrial.ledger.witness import Alarm

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--log", "logs", multiple=True, required=True, metavar="VKEY", help="A log's public key; may be repeated."
)
@click.option("--key", "key_file", type=FILE, required=True, help="The witness's private key; made with --name if new.")
@click.option("--name", help="The witness's name, like `lab.example/witness`: for a new key only.")
@click.option("--state", type=FILE, required=True, help="What it holds: a SQLite file, made if missing.")
@click.option("--listen", default="127.0.0.1:8410", show_default=True, metavar="HOST:PORT", help="Port 0 draws one.")
def witness(logs: tuple[str, ...], key_file: Path, name: str | None, state: Path, listen: str) -> None:
    """Cosign the checkpoints of logs for as long as they only grow; alarm when two histories are shown.

    Prints the witness's public key and address first. Alarms are JSON lines on standard error, and `GET /alarms`.
    """
    import uvicorn

    from seatrial.cli.ledger import spoken
    from seatrial.ledger.note import read_verifier
    from seatrial.ledger.witness import Witness
    from seatrial.ledger.witness_app import witness_app
    from seatrial.ledger.witness_state import SqliteWitnessState

    with spoken():
        signer = _key(key_file, name)
        known = _by_origin([read_verifier(text) for text in logs])
        app = witness_app(Witness(signer, known, SqliteWitnessState(state)), lambda: int(time.time()), _tell)
        listener = _listener(listen)
    host, port = listener.getsockname()[:2]
    click.echo(signer.verifier.text)
    click.echo(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_keep_alive=30)
    uvicorn.Server(config).run(sockets=[listener])


def _key(path: Path, name: str | None) -> CosignatureSigner:
    from seatrial.ledger.errors import LedgerError
    from seatrial.ledger.folder import read_secret, write_secret
    from seatrial.ledger.note import CosignatureSigner, read_signer

    if not path.exists():
        if not name:
            raise LedgerError(f"{path}: no such key; --name NAME makes one")
        write_secret(path, CosignatureSigner.from_seed(name, secrets.token_bytes(32)).secret_text)
    signer = read_signer(read_secret(path))
    if not isinstance(signer, CosignatureSigner):
        raise LedgerError(f"{path}: a log's key; a witness needs one of its own")
    if name and signer.verifier.name != name:
        raise LedgerError(f"{path}: the key of {signer.verifier.name}; a key keeps its name, choose another file")
    return signer


def _by_origin(keys: list[NoteVerifier]) -> dict[str, list[NoteVerifier]]:
    known: dict[str, list[NoteVerifier]] = {}
    for key in keys:
        known.setdefault(key.name, []).append(key)
    return known


def _listener(listen: str) -> socket.socket:
    from seatrial.ledger.errors import LedgerError

    host, _, port = listen.rpartition(":")
    if not host or not (port.isdigit() and int(port) < 65536):
        raise LedgerError("--listen is HOST:PORT, like 127.0.0.1:8410")
    return socket.create_server(
        (host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
    )


def _tell(alarm: Alarm) -> None:
    from seatrial.ledger.witness_app import shown

    click.echo(json.dumps({"alarm": shown(alarm)}), err=True)
