"""`seatrial worker`: does what the plan's units ask for, until it is asked to end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seatrial.evaluation.jobs import Kind
    from seatrial.evaluation.submission import Access
    from seatrial.installation import Installation
    from seatrial.ledger.cosign import WitnessAddress


@click.command()
@click.option("--reviews", default=1, show_default=True, type=click.IntRange(0, 64), help="Reviews at a time.")
@click.option("--chores", default=1, show_default=True, type=click.IntRange(0, 8), help="Short jobs at a time.")
def worker(reviews: int, chores: int) -> None:
    """Run jobs: reviews, reports, and what is due by itself. Ends on TERM once what it has is done or handed back.

    Any number may run over one installation; one that is killed is replaced by the next.
    """
    if not reviews and not chores:
        raise click.UsageError("--reviews 0 and --chores 0 leave nothing to do; make one of them 1")
    from seatrial.cli.custodial import spoken
    from seatrial.evaluation.jobs import Lane
    from seatrial.installation import Installation
    from seatrial.work.loop import Worker
    from seatrial.work.speech import speaker

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with spoken():
        installation = Installation.open()
        lanes = {Lane.REVIEWS: reviews, Lane.CHORES: chores}
        Worker(installation.house.jobs, kinds(installation), lanes, say=speaker()).work(stop)


def kinds(installation: Installation) -> tuple[Kind, ...]:
    """All kinds of work that this installation knows."""
    from seatrial.cli.gateway import record_root
    from seatrial.cli.submitted_review import SubmittedReview
    from seatrial.custody.log_roots import LogRoots
    from seatrial.custody.sqlite_access import SqliteAccessStore
    from seatrial.evaluation.jobs import Kind, Lane
    from seatrial.evaluation.queued import RENDER_REPORT, REVIEWS, RUN_REVIEW
    from seatrial.installation import now
    from seatrial.ledger.post import http_post
    from seatrial.notices.chore import kinds as post
    from seatrial.report import write_report
    from seatrial.work.chores import chores
    from seatrial.work.review import Reviews

    reviews = Reviews(installation.house.home / REVIEWS, _reach(installation), SubmittedReview, write_report)
    log = SqliteAccessStore(installation.custody.file)
    roots = LogRoots(log, lambda made: record_root(installation, made), now)
    return (
        Kind(RUN_REVIEW, reviews.review, lane=Lane.REVIEWS),
        Kind(RENDER_REPORT, reviews.render),
        *chores(installation, _witnesses(installation), http_post, roots),
        *post(installation.house, os.environ),
    )


def _reach(installation: Installation) -> Callable[..., Any]:
    """The way to a submitted model: a lease of the attempt alone; what former attempts of the unit held is revoked."""
    from seatrial.cli.gateway import for_review
    from seatrial.custody.lease import LeaseState
    from seatrial.installation import now

    leases = installation.custody.leases

    @contextlib.contextmanager
    def reach(submission: str, model: str, unit: str, attempt: int) -> Iterator[Access]:
        for lease in leases.of_submission(submission):
            if lease.attempt.startswith(f"{unit}/") and lease.state is LeaseState.ACTIVE:
                leases.revoke(lease.id, now())
        with for_review(submission, model, f"{unit}/{attempt}") as access:
            yield access

    return reach


def _witnesses(installation: Installation) -> tuple[WitnessAddress, ...]:
    """Those of the file `policy` in the log's folder that have an address; none without the file."""
    from seatrial.ledger.cosign import WitnessAddress
    from seatrial.ledger.policy import Policy

    file: Path = installation.house.ledger.path / "policy"
    if not file.exists():
        return ()
    policy = Policy.parse(file.read_bytes())
    known = [(key, policy.urls.get(key.text)) for key in policy.witnesses.values()]
    return tuple(WitnessAddress(key, url) for key, url in known if url)
