"""`seatrial custody manifest|open-upload|receive|upload|unseal`: weights on their way in, and into memory.

Exit codes: 0 done, 1 false (a signature), 2 bad input or refused.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.custodial import private_file, spoken
from seatrial.cli.errors import bounded
from seatrial.installation import Installation, now

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from seatrial.custody.manifest import Manifest
    from seatrial.custody.opened import Place
    from seatrial.custody.upload import SealedWeights
    from seatrial.custody.upload_client import Progress
    from seatrial.custody.weights import OpenedWeights, TwoKeys
    from seatrial.ledger.receipt import Receipt

FILE = click.Path(path_type=Path, dir_okay=False)
DIRECTORY = click.Path(path_type=Path, file_okay=False, exists=True)
PORT = 8790
MIB = 1 << 20
MAX_TOKEN_BYTES = 4096
"""Of a file that should hold one token."""


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
        with private_file(token_file) as file:  # before an upload is open whose token nobody has
            token = (
                upload_store.renew_token(store, again, now())
                if again
                else upload_store.open_upload(store, submission, now())
            )
            file.write(token.secret.reveal() + b"\n")
    click.echo(f"opened: {token.upload}")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Put a proxy with TLS before any other.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 draws a free one.")
@click.option("--reserve-gib", default=10, show_default=True, type=click.IntRange(0), help="GiB of the disk left free.")
def receive(host: str, port: int, reserve_gib: int) -> None:
    """Take uploads until it is told to end."""
    from seatrial.custody.home import without_core_dumps
    from seatrial.custody.serving import bound, serve

    with spoken():
        without_core_dumps()
        app = receiver(Installation.open(), reserve_gib)
        listening = bound(host, port)
        click.echo(
            f"takes uploads at http://{host}:{listening.getsockname()[1]}; one user's install: not for real weights"
        )
        serve(app, listening)


def receiver(installation: Installation, reserve_gib: int) -> Starlette:
    """The application that takes uploads and deposits, with what a former process left half written swept away."""
    from seatrial.cli.deposit_door import deposit_door
    from seatrial.custody.chunks import DirectoryChunkStore
    from seatrial.custody.upload_app import upload_app

    uploads = installation.custody.uploads(lambda weights: _recorded(installation, weights))
    uploads.reserve_bytes = reserve_gib << 30
    if isinstance(uploads.chunks, DirectoryChunkStore):
        uploads.chunks.sweep()
    app = upload_app(uploads, now=now)
    app.router.routes.insert(0, deposit_door(installation).route)
    return app


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--url", required=True, help="Where the receiver is, e.g. https://custody.example")
@click.option("--token-file", required=True, type=FILE, help="File with the upload's token; - is standard input.")
@click.option("--manifest", "stated", type=FILE, help="As `manifest` wrote it, so that nothing is read twice.")
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 16), help="Chunks at a time.")
@click.option("--ca", type=FILE, help="PEM of the authority that signed the receiver's certificate.")
def upload(directory: Path, url: str, token_file: Path, stated: Path | None, parallel: int, ca: Path | None) -> None:
    """Send DIRECTORY. Interrupted, the same command goes on where it was."""
    import ssl

    import httpx

    from seatrial.custody.manifest import MAX_MANIFEST_BYTES, Manifest
    from seatrial.custody.upload_client import UploadClient
    from seatrial.custody.upload_store import UploadToken

    with spoken():
        token = UploadToken.parse(_token(token_file))
        what = Manifest.parse(bounded(stated, MAX_MANIFEST_BYTES)) if stated else _described(directory)
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
    """Open UPLOAD's weights into memory, and hold them open: an active lease, and the keys of two persons.

    Stays until it is told to end or the lease is over (a withdrawal ends it at once), and removes them then.
    """
    from seatrial.custody.home import without_core_dumps
    from seatrial.custody.opened import watch

    with spoken():
        without_core_dumps()
        installation, told = Installation.open(), _told_to_end()
        opened, place = _opened(installation, upload, lease, directory.absolute())
        custody = installation.custody
        try:
            _say_opened(opened, public_key)
            over = watch(custody.opened, custody.leases, place, now=now, wait=told.wait)
        finally:
            custody.opened.remove(place, now())
            installation.record_owed()
    click.echo(f"removed: {opened.directory} ({'the lease is over' if over else 'told to end'})")


def _opened(installation: Installation, upload: str, lease: str, directory: Path) -> tuple[OpenedWeights, Place]:
    """The weights, open, and where that is written down; the ledger has it before the first plain byte."""
    from seatrial.custody.weights import open_weights

    custody = installation.custody
    uploads = custody.uploads()
    kept = uploads.store.get(upload)
    keys = _keys(installation, upload, kept.submission, lease)
    places: list[Place] = []

    def begun(opened: OpenedWeights) -> None:
        given = (upload, kept.submission, lease, opened.commitment, opened.directory)
        places.append(custody.opened.enter(*given, now()))
        _record(installation, "weights.opened", opened.submission, opened.commitment, {"lease": lease})

    try:
        opened = open_weights(uploads, custody.leases, kept, directory, lease=lease, keys=keys, now=now, begun=begun)
    except BaseException:
        for place in places:
            custody.opened.remove(place, now())
        raise
    return opened, places[0]


def _say_opened(opened: OpenedWeights, public_key: Path | None) -> None:
    """What lies there; raises `Exit` where the developer's own signature is false."""
    from seatrial.custody.model_signature import SignatureFalse, look_at_signature

    try:
        signature = look_at_signature(opened.directory, public_key=public_key)
    except SignatureFalse as error:
        click.echo(f"seatrial: false: {error}; the weights are removed again", err=True)
        sys.exit(1)
    click.echo(f"opened: {opened.directory}, {opened.files} files, {opened.total_bytes} bytes")
    click.echo(f"the developer's signature: {signature.verdict} ({signature.said})")
    click.echo("in memory until this command ends or the lease does")
    _warn(opened.executing)
    sys.stdout.flush()


def _told_to_end() -> threading.Event:
    """Set once the process is asked to end, by whatever signal but the one that nobody hears."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    return told


def _keys(installation: Installation, upload: str, submission: str, lease: str) -> TwoKeys:
    """The newest request for this upload and lease, with the votes of both sides and the rule of the pack."""
    from seatrial.cli.keys import weights_digest
    from seatrial.custody.weights import NotOpened, TwoKeys
    from seatrial.framework.two_key import KeyAction
    from seatrial.framework.viewer import Viewer

    house, standing = installation.house, installation.record(submission).standing
    digest = weights_digest(installation, submission, upload, lease)
    rule = house.packs(standing.pack).key_rule(KeyAction.USE_WEIGHTS)
    requests = house.permissions.asked(Viewer.for_submission(submission), submission)
    found = [
        TwoKeys(request, standing.of_sides(votes), rule) for request, votes in requests if request.digest == digest
    ]
    if not found:
        asking = f"seatrial submission key {submission} use_weights --upload {upload} --lease {lease} --as ..."
        raise NotOpened(f"{upload}: nobody asked for two keys yet; both sides run: {asking}")
    return max(found, key=lambda keys: keys.request.at)


def _recorded(installation: Installation, weights: SealedWeights) -> str:
    nums = {"files": weights.files, "chunks": weights.chunks, "bytes": weights.total_bytes}
    ids = {"upload": weights.upload}
    receipt = _record(installation, "weights.sealed", weights.submission, weights.commitment, ids, nums)
    return receipt.encode().decode()


def _record(
    installation: Installation,
    kind: str,
    submission: str,
    commitment: str,
    ids: dict[str, str],
    nums: dict[str, int] | None = None,
) -> Receipt:
    from seatrial.ledger.event import Event, instant

    installation.record_owed()  # the making of its key, before what was done with it
    actor, nonce = installation.custodian(submission), secrets.token_hex(16)
    refs = {"manifest": commitment}
    event = Event(kind, instant(now()), submission, actor, nonce, refs=refs, ids=ids, nums=nums or {})
    [receipt] = installation.house.log.append([event])
    return receipt


def _token(path: Path) -> str:
    raw = sys.stdin.buffer.read(MAX_TOKEN_BYTES) if str(path) == "-" else bounded(path, MAX_TOKEN_BYTES)
    return raw.decode("ascii", errors="replace").strip()


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
