"""The bytes of papers, each by its digest and for its submission.

- Who may read a paper is `access.decide`'s to say; a paper of a submission that the viewer does not see is not there.
- The same bytes in two submissions are kept twice: "already there" would tell a rival that they exist.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seatrial.storage.stores.submissions import seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from seatrial.framework.data_class import DataClass
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

MAX_PAPER_BYTES = 16 * 2**20
"""A paper is text; a transcript or an artefact is custody's, sealed."""


class PaperTables:
    """Papers of submissions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, viewer: Viewer, submission: str, data_class: DataClass, content: bytes) -> str:
        """Keep a paper, and say its digest; again is no fault.

        Raises:
            LookupError: there is no such submission for this viewer.
            ValueError: it is too long for a paper.
        """
        if len(content) > MAX_PAPER_BYTES:
            raise ValueError(f"a paper has at most {MAX_PAPER_BYTES} bytes, not {len(content)}; seal it with custody")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            paper = rows.Paper(
                submission_id=submission, digest=digest, data_class=data_class, size=len(content), content=content
            )
            rows.Paper.objects.bulk_create([paper], ignore_conflicts=True)
        return digest

    def get(self, viewer: Viewer, submission: str, digest: str) -> bytes:
        """The bytes of a paper.

        Raises:
            LookupError: there is none for this viewer.
        """
        with self._database.session(viewer):
            self._seen(viewer, submission)
            found = rows.Paper.objects.filter(submission_id=submission, digest=digest)
            content = found.values_list("content", flat=True).first()
        if content is None:
            raise LookupError(f"{submission}: no paper of this digest is kept here")
        return bytes(content)

    def several(self, viewer: Viewer, submission: str, digests: Collection[str]) -> dict[str, bytes]:
        """The bytes of those of these papers that are kept here, by digest; empty for whoever sees none."""
        with self._database.session(viewer):
            seen = rows.Submission.objects.filter(seen_by(viewer), pk=submission)
            found = rows.Paper.objects.filter(submission__in=seen, digest__in=digests)
            return {digest: bytes(content) for digest, content in found.values_list("digest", "content")}

    def kept(self, viewer: Viewer, submission: str) -> dict[str, int]:
        """The digests of the papers that are kept here, each with its size in bytes; empty for whoever sees none."""
        with self._database.session(viewer):
            seen = rows.Submission.objects.filter(seen_by(viewer), pk=submission)
            return dict(rows.Paper.objects.filter(submission__in=seen).values_list("digest", "size"))

    @staticmethod
    def _seen(viewer: Viewer, submission: str) -> None:
        if not rows.Submission.objects.filter(seen_by(viewer), pk=submission).exists():
            raise LookupError(f"{submission}: there is no such object")
