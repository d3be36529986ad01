"""One contract over every place where steps run; the cluster is a real one, over TLS, on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seatrial.clearinghouse.spread import Cluster, Here, Lost, NoEngine, Processes
from support.spread_steps import reporting, square

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.spread import Spread

TESTS = Path(__file__).parents[1]
NAMES = ("ca.pem", "cert.pem", "key.pem")


def certificates(folder: Path) -> Path:
    """A folder with an authority, and a key with its certificate for this machine."""
    folder.mkdir(exist_ok=True)
    now, owner = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    issuer = ec.generate_private_key(ec.SECP256R1())

    def made(name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
            .sign(issuer, hashes.SHA256())
        )

    encoded = serialization.Encoding.PEM
    secret = owner.private_bytes(encoded, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority = made("authority", issuer, authority=True).public_bytes(encoded)
    own = made("worker", owner, authority=False).public_bytes(encoded)
    for name, content in zip(NAMES, (authority, own, secret), strict=True):
        (folder / name).write_bytes(content)
    return folder


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    distributed = pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    kept = certificates(folder / "tls")
    port = free_port()
    address = f"tls://127.0.0.1:{port}"
    tls = [f"--tls-{one}={kept / name}" for one, name in zip(("ca-file", "cert", "key"), NAMES, strict=True)]
    env = {**os.environ, "PYTHONPATH": str(TESTS)}

    def start(role: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *words, *tls, "--no-dashboard"]
        with (folder / f"{role}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=env)

    begun = [start("scheduler", "--host=127.0.0.1", f"--port={port}")]
    begun += [start("worker", address, "--nthreads=1", "--host=127.0.0.1") for _ in range(2)]
    try:
        cluster = Cluster(address, kept)
        with distributed.Client(address, security=cluster.security(), timeout="30s") as client:
            client.wait_for_workers(2, timeout=60)
        yield cluster
    finally:
        for some in (begun[1:], begun[:1]):  # workers that leave a scheduler which is gone wait for it
            for process in some:
                process.terminate()
            for process in some:
                process.wait(30)


@pytest.fixture(params=["here", "processes", pytest.param("cluster", marks=pytest.mark.slow)])
def spread(request: pytest.FixtureRequest) -> Spread:
    if request.param == "here":
        return Here()
    if request.param == "processes":
        return Processes(2)
    found: Cluster = request.getfixturevalue("dask")
    return found


@pytest.fixture(params=["processes", "cluster"])
def strewn(request: pytest.FixtureRequest) -> Spread:
    """A place whose workers are processes of their own."""
    if request.param == "processes":
        return Processes(2)
    found: Cluster = request.getfixturevalue("dask")
    return found


def told(found: Iterator[tuple[str, int | Lost]]) -> dict[str, int | Lost]:
    """Results by name; each name came once."""
    results = list(found)
    assert len({name for name, _ in results}) == len(results)
    return dict(results)


def test_results_are_those_of_the_step_wherever_it_ran(spread: Spread) -> None:
    results = told(spread.run(square, ((str(number), number) for number in range(-1, 30) if number)))
    assert results.pop("-1") == Lost("ValueError: -1 is below zero")
    assert results == {str(number): number * number for number in range(1, 30)}
    assert told(spread.run(square, [])) == {}


@pytest.mark.slow
def test_a_payload_that_kills_its_worker_costs_only_itself(strewn: Spread) -> None:
    results = told(strewn.run(square, ((str(number), number) for number in (1, 2, 0, *range(3, 16)))))
    lost = results.pop("0")
    assert isinstance(lost, Lost)
    assert "worker died" in lost.why
    assert results == {str(number): number * number for number in range(1, 16)}


@dataclass
class Killer:
    """Kills the first process that reports, and lets every later one go on."""

    listener: socket.socket
    victim: int = 0

    def watch(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                pid = int(line.makefile().readline())
                if not self.victim:
                    self.victim = pid
                    os.kill(pid, signal.SIGKILL)
                elif pid != self.victim:
                    line.sendall(b".")


@pytest.mark.slow
def test_a_worker_killed_from_outside_loses_nothing(strewn: Spread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, killer = listener.getsockname()[1], Killer(listener)
        watching = threading.Thread(target=killer.watch, daemon=True)
        watching.start()
        results = told(strewn.run(reporting, ((str(number), (port, number)) for number in range(12))))
        listener.shutdown(socket.SHUT_RDWR)
    watching.join(10)
    assert killer.victim
    assert results == {str(number): number for number in range(12)}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://worker.example.org:8786", "without TLS only this machine"),
        ("http://127.0.0.1:8786", "must be tls://host:port"),
        ("tls://127.0.0.1", "must be tls://host:port"),
        ("tls://worker.example.org:8786", r"ca\.pem, cert\.pem, key\.pem not found in"),
    ],
)
def test_an_engine_that_cannot_be_used_says_why(address: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match=why):
        Cluster(address, tmp_path)


def test_an_engine_that_does_not_answer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    address = f"tls://127.0.0.1:{free_port()}"
    with pytest.raises(NoEngine, match=address):
        list(Cluster(address, certificates(tmp_path / "tls"), patience_s=0.5).run(square, [("one", 1)]))


@pytest.mark.slow
def test_certificates_of_another_authority_open_nothing(dask: Cluster, tmp_path: Path) -> None:
    stranger = Cluster(dask.address, certificates(tmp_path / "tls"), patience_s=2)
    with pytest.raises(NoEngine, match=dask.address):
        list(stranger.run(square, [("one", 1)]))
