"""The command's root: version and the verbs, each in a file of its own."""

from __future__ import annotations

import click

import seatrial
from seatrial.cli.backup import backup, restore
from seatrial.cli.battery import battery
from seatrial.cli.calendar import calendar
from seatrial.cli.calibration import calibration
from seatrial.cli.cases import grade_patch, replay
from seatrial.cli.claims import claims
from seatrial.cli.coordination import cases
from seatrial.cli.custody import custody
from seatrial.cli.doctor import doctor
from seatrial.cli.finding_export import EXPORTS
from seatrial.cli.finding_proofs import PROOFS
from seatrial.cli.finding_rate import rate
from seatrial.cli.finding_steps import STEPS
from seatrial.cli.findings import findings
from seatrial.cli.framework import framework
from seatrial.cli.gateway import gateway
from seatrial.cli.half import half
from seatrial.cli.ledger import ledger
from seatrial.cli.measure import measure
from seatrial.cli.operators import match_, operators
from seatrial.cli.outbox import outbox
from seatrial.cli.portal import portal
from seatrial.cli.review import plan, report, resume, review, stop
from seatrial.cli.sandbox import sandbox
from seatrial.cli.submission import submission
from seatrial.cli.submit import submit
from seatrial.cli.verify import verify
from seatrial.cli.withdraw import withdraw
from seatrial.cli.worker import worker


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(seatrial.__version__, prog_name="seatrial")
def main() -> None:
    """Voluntary, sealed and checkable evaluation of the cyber capabilities of frontier AI models."""


for verb in (plan, review, resume, stop, report, measure, calibration, battery, doctor, sandbox):
    main.add_command(verb)

main.add_command(ledger)
main.add_command(submission)
main.add_command(framework)
main.add_command(operators)

for verb in (submit, withdraw, custody, gateway, worker, backup, restore, portal):
    main.add_command(verb)

for verb in (findings, cases, outbox, claims):
    main.add_command(verb)

for verb in (*STEPS, *PROOFS, rate, *EXPORTS):
    findings.add_command(verb)

findings.add_command(match_, "match-inventory")

main.add_command(calendar)
main.add_command(verify)

custody.add_command(half)

for verb in (replay, grade_patch):
    battery.add_command(verb)
