"""Work on a thread of its own, waited for so long and no longer: what hangs is left behind and holds up nothing.

>>> Apart(lambda: 6 * 7).answer(5)
42
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class Apart(Generic[Answer]):
    """Begins at once; the thread dies with the process."""

    def __init__(self, act: Callable[[], Answer]) -> None:
        self._answers: list[Answer] = []
        self._raised: list[Exception] = []
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()

    def answer(self, seconds: float) -> Answer:
        """The answer; may be asked for by several and again.

        Raises:
            TimeoutError: It is not there after so many seconds.
            Exception: Whatever the work raised.
        """
        self._thread.join(max(0.0, seconds))
        for error in self._raised:
            raise error
        if not self._answers:
            raise TimeoutError(f"no answer within {seconds:.1f} s")
        return self._answers[0]

    def _run(self, act: Callable[[], Answer]) -> None:
        try:
            self._answers.append(act())
        except Exception as error:  # noqa: BLE001 - raised again to whoever asks
            self._raised.append(error)
