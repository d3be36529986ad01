from __future__ import annotations

from dataclasses import replace

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.departure import departed, staying
from seatrial.framework.document import Document
from seatrial.framework.withdrawal import Departed
from support.framework import BUREAU, DAY, LAB, T0, consent, digest, fresh


def paper(kind: str, days: int) -> Document:
    return Document(kind, 1, digest(kind), LAB, ("per-owner",), T0 + days * DAY)


def test_what_left_goes_to_whom_the_consents_of_that_time_name() -> None:
    early = consent(Activity.SHARE_DOSSIER, to="agency")
    late = consent(Activity.SHARE_DOSSIER, given=T0 + 9 * DAY, to="latecomer", name="con-late")
    brought = (paper("dossier", 1), paper("agreement", 2), paper("report", 3))
    standing = replace(fresh(consents=(early, late)), documents=brought)
    assert departed(standing) == (
        Departed("dossier", digest("dossier"), "agency", T0 + DAY),
        Departed("report", digest("report"), BUREAU, T0 + 3 * DAY),
    )


def test_nothing_leaves_to_the_developer_itself_and_nothing_without_papers() -> None:
    own = replace(fresh(consents=(consent(Activity.SHARE_DOSSIER, to=LAB),)), documents=(paper("dossier", 1),))
    assert {left.recipient for left in departed(own)} == {BUREAU}
    assert departed(fresh()) == ()


def test_what_stays_is_what_there_are_records_of() -> None:
    kinds = ("interim_report", "transfer_receipt", "incident_record", "agreement")
    standing = replace(fresh(), documents=tuple(paper(kind, 1) for kind in kinds))
    assert staying(standing) == {DataClass.R, DataClass.F, DataClass.I}
    assert staying(fresh()) == frozenset()
