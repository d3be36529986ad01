"""`seatrial custody manifest|open-upload|receive|upload|unseal`: weights on their way in, and into memory.

Exit codes: 0 done, 1 false (a signature), 2 bad input or refused.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.installation import Installation, now, spoken, write_private

if TYPE_CHECKING:
    from seatrial.custody.manifest import Manifest
    from seatrial.custody.upload import SealedWeights
    from seatrial.custody.upload_client import Progress
    from seatrial.custody.weights import TwoKeys

FILE = click.Path(path_type=Path, dir_okay=False)
DIRECTORY = click.Path(path_type=Path, file_okay=False, exists=True)
PORT = 8790
MIB = 1 << 20


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--to", "path", type=FILE, help="Write it there instead of printing it.")
def manifest(directory: Path, path: Path | None) -> None:
    """State what DIRECTORY consists of: files, sizes, and the SHA-256 of every chunk."""
    with spoken():
        stated = _described(directory)
        if path is None:
            sys.stdout.buffer.write(stated.encode() + b"\n")
            return
        path.write_bytes(stated.encode())
    click.echo(f"{len(stated.files)} files, {stated.total_bytes} bytes, {len(stated.sizes)} chunks: {path}")
    _warn(stated.executing)


@click.command("open-upload")
@click.argument("submission")
@click.option("--again", default="", metavar="UPLOAD", help="A new token for this upload, in place of its former one.")
@click.option("--token-file", required=True, type=FILE, help="A new file (0600) that gets the token.")
def open_upload(submission: str, again: str, token_file: Path) -> None:
    """Open an upload for SUBMISSION; the token goes to its developer."""
    from seatrial.custody import upload_store

    with spoken():
        if token_file.exists():
            raise ValueError(f"{token_file}: exists already; name a new file")
        installation = Installation.open()
        installation.record(submission)
        store = installation.custody.uploads().store
        if again and store.get(again).submission != submission:
            raise LookupError(f"{again}: not an upload of {submission}")
        token = (
            upload_store.renew_token(store, again, now())
            if again
            else upload_store.open_upload(store, submission, now())
        )
        write_private(token_file, token.secret.reveal() + b"\n")
    click.echo(f"opened: {token.upload}")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Put a proxy with TLS before any other.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535))
@click.option("--reserve-gib", default=10, show_default=True, type=click.IntRange(0), help="GiB of the disk left free.")
def receive(host: str, port: int, reserve_gib: int) -> None:
    """Take uploads until it is told to end."""
    from seatrial.custody.chunks import DirectoryChunkStore
    from seatrial.custody.home import without_core_dumps
    from seatrial.custody.serving import bound, serve
    from seatrial.custody.upload_app import upload_app

    with spoken():
        without_core_dumps()
        installation = Installation.open()
        uploads = installation.custody.uploads(lambda weights: _recorded(installation, weights))
        uploads.reserve_bytes = reserve_gib << 30
        if isinstance(uploads.chunks, DirectoryChunkStore):
            uploads.chunks.sweep()
        listening = bound(host, port)
        click.echo(
            f"takes uploads at http://{host}:{listening.getsockname()[1]}; one user's install: not for real weights"
        )
        serve(upload_app(uploads, now=now), listening)


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--url", required=True, help="Where the receiver is, e.g. https://custody.example")
@click.option("--token-file", required=True, type=FILE, help="File with the upload's token; - is standard input.")
@click.option("--manifest", "stated", type=FILE, help="As `manifest` wrote it, so that nothing is read twice.")
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 16))
@click.option("--ca", type=FILE, help="PEM of the authority that signed the receiver's certificate.")
def upload(directory: Path, url: str, token_file: Path, stated: Path | None, parallel: int, ca: Path | None) -> None:
    """Send DIRECTORY. Interrupted, the same command goes on where it was."""
    import ssl

    import httpx

    from seatrial.custody.manifest import Manifest
    from seatrial.custody.upload_client import UploadClient
    from seatrial.custody.upload_store import UploadToken

    with spoken():
        text = sys.stdin.read() if str(token_file) == "-" else token_file.read_text()
        token = UploadToken.parse(text.strip())
        what = Manifest.parse(stated.read_bytes()) if stated else _described(directory)
        _warn(what.executing)
        verify = ssl.create_default_context(cafile=str(ca)) if ca else True
        with httpx.Client(base_url=url, verify=verify, timeout=120) as client:
            sender = UploadClient(client, token.upload, token.secret, parallel=parallel)
            receipt = sender.send(directory, what, _shown)
    click.echo(f"sealed: {receipt['upload']}, {receipt['files']} files, {receipt['total_bytes']} bytes")
    click.echo(f"commitment: {receipt['commitment']}")


@click.command()
@click.argument("upload")
@click.option("--lease", required=True, help="An active lease on the submission, by id.")
@click.option("--to", "directory", required=True, type=click.Path(path_type=Path), help="A new directory on a tmpfs.")
@click.option(
    "--signed-by", "public_key", type=FILE, help="The developer's public key (PEM), to verify its own bundle."
)
def unseal(upload: str, lease: str, directory: Path, public_key: Path | None) -> None:
    """Open UPLOAD's weights into memory: an active lease, and the keys of two persons."""
    from seatrial.custody.model_signature import SignatureFalse, look_at_signature
    from seatrial.custody.weights import open_weights

    with spoken():
        installation = Installation.open()
        uploads = installation.custody.uploads()
        kept = uploads.store.get(upload)
        keys = _keys(installation, upload, kept.submission, lease)
        opened = open_weights(
            uploads, installation.custody.leases, kept, directory.absolute(), lease=lease, keys=keys, now=now
        )
        try:
            signature = look_at_signature(opened.directory, public_key=public_key)
        except SignatureFalse as error:
            opened.wipe()
            click.echo(f"seatrial: false: {error}; the weights are removed again", err=True)
            sys.exit(1)
    click.echo(f"opened: {opened.directory}, {opened.files} files, {opened.total_bytes} bytes")
    click.echo(f"the developer's signature: {signature.verdict} ({signature.said})")
    click.echo("in memory until the directory is removed; remove it as soon as the work is done")
    _warn(opened.executing)


def _keys(installation: Installation, upload: str, submission: str, lease: str) -> TwoKeys:
    """The newest request for this upload and lease, with its votes."""
    from seatrial.custody.weights import NotOpened, TwoKeys, asked
    from seatrial.framework.viewer import Viewer

    uploads = installation.custody.uploads()
    digest = asked(upload, lease, uploads.commitment(uploads.store.get(upload), now()))
    requests = installation.house.permissions.asked(Viewer.for_submission(submission), submission)
    found = [TwoKeys(request, votes) for request, votes in requests if request.digest == digest]
    if not found:
        raise NotOpened(
            f"{upload}: nobody asked for two keys yet; action use_weights, object {upload}, digest {digest}"
        )
    return max(found, key=lambda keys: keys.request.at)


def _recorded(installation: Installation, weights: SealedWeights) -> str:
    from seatrial.ledger.event import Event, instant

    event = Event(
        kind="weights.sealed",
        at=instant(now()),
        stream=weights.submission,
        actor=installation.custodian(weights.submission),
        nonce=secrets.token_hex(16),
        refs={"manifest": weights.commitment},
        ids={"upload": weights.upload},
        nums={"files": weights.files, "chunks": weights.chunks, "bytes": weights.total_bytes},
    )
    [receipt] = installation.house.log.append([event])
    return receipt.encode().decode()


def _described(directory: Path) -> Manifest:
    from seatrial.custody.manifest import describe

    total = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    read = 0

    def progress(size: int) -> None:
        nonlocal read
        read += size
        _line(f"read {read // MIB} of {total // MIB} MiB")

    return describe(directory, progress=progress)


def _shown(progress: Progress) -> None:
    _line(
        f"{progress.chunks} of {progress.of_chunks} chunks, {progress.bytes // MIB} of {progress.of_bytes // MIB} MiB"
    )


def _line(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def _warn(executing: tuple[str, ...]) -> None:
    if executing:
        click.echo(f"may run code when loaded: {', '.join(executing)}", err=True)


VERBS = (manifest, open_upload, receive, upload, unseal)
"""What `seatrial custody` adds to its group."""
