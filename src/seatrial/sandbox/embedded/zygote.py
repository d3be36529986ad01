"""The supervisor's hold on its zygote: starting it, asking it for boxes and switches, letting it go."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.sandbox import wire
from seatrial.sandbox.embedded.channel import Channel, close_all
from seatrial.sandbox.embedded.job import settle
from seatrial.sandbox.errors import BoxGone, Fix, ProtocolError, Unavailable
from seatrial.sandbox.ids import keep_ids

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox
    from seatrial.sandbox.loop import Loop

OPEN_S = 30.0  # for a box to be made; it takes milliseconds, on a machine that is not on its knees
_PROGRAM = Path(__file__).parent / "inside" / "__main__.py"
_DOCTOR = Fix("user namespaces", "`seatrial doctor` says which setting of this machine forbids them")


class Zygote:
    """The running zygote of one supervisor."""

    def __init__(self, loop: Loop, groups: list[Path], ids: int | None) -> None:
        self.alive = True
        self._loop = loop
        self._waiting: dict[int, EmbeddedBox] = {}
        self._switches: dict[int, Future[int]] = {}
        self._channel = Channel(loop, self._hear, self._gone, trusted=True)
        number = self._channel.take_far_end()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", str(_PROGRAM), str(number)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd="/", env={}, pass_fds=(number,), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(number)
        try:
            if ids is not None:
                self._settle(ids)
        except BaseException:
            self._channel.close()
            self.process.wait()
            raise
        folders, _ = wire.encode({"op": "groups", "id": 0, "folders": [str(folder) for folder in groups]})
        loop.submit(lambda: self._channel.post(folders, []))
        loop.submit(self._channel.listen)

    def _settle(self, ids: int) -> None:
        """Of an ordinary user: give the zygote a user namespace with `ids` ids."""
        own = {"uid": os.getuid(), "gid": os.getgid()}
        request, _ = wire.encode({"op": "user", "id": 0, "many": ids > 1, "ids": own})
        answer = wire.decode(self._channel.ask(request, OPEN_S))
        if answer.op != "settled":
            raise Unavailable(f"this user may not make user namespaces: {wire.printable(answer.text)}", (_DOCTOR,))
        if ids > 1:
            keep_ids(self.process.pid, ids)

    def clone(self, number: int, box: EmbeddedBox, plan: dict[str, object], lists: list[int]) -> None:
        """Ask for a box, whose payload's task lists and own are `lists`; on the loop's thread."""
        self._waiting[number] = box
        request = {"op": "box", "id": number, "plan": plan, "seated": box.network is not None}
        content, file = wire.encode(request)
        handed = [box.channel.take_far_end(), *lists]
        self._channel.post(content, handed if file is None else [file, *handed])
        box.channel.listen()

    def switch(self, number: int) -> Future[int]:
        """Ask for the socket of a new switch; from any thread."""
        future: Future[int] = Future()
        content, _ = wire.encode({"op": "switch", "id": number})

        def ask() -> None:
            self._switches[number] = future
            self._channel.post(content, [])

        self._loop.submit(ask)
        return future

    def _hear(self, message: bytes, descriptors: list[int]) -> None:
        try:
            self._take(wire.decode(message), descriptors)
        except ProtocolError:
            close_all(descriptors)
            self._gone()

    def _take(self, answer: wire.Answer, descriptors: list[int]) -> None:
        box = self._waiting.pop(answer.id, None)
        switch = self._switches.pop(answer.id, None)
        if answer.op == "switch" and switch is not None and len(descriptors) == 1:
            settle(switch, descriptors[0])
        elif answer.op == "born" and box is not None and len(descriptors) == (1 if box.network is None else 2):
            box.born(answer.pid, *descriptors)
        else:
            close_all(descriptors)
            error = Unavailable(f"no box could be made: {wire.printable(answer.text)}", (_DOCTOR,))
            if switch is not None:
                settle(switch, error=error)
            if box is not None:
                box.unborn(error)

    def _gone(self) -> None:
        if self.alive:
            self.alive = False
            self._channel.close()
            for box in self._waiting.values():
                box.unborn(BoxGone("the zygote has gone"))
            self._waiting.clear()
            for switch in self._switches.values():
                settle(switch, error=BoxGone("the zygote has gone"))
            self._switches.clear()

    def close(self) -> None:
        """Let it end; it ends whatever is left of its boxes."""
        done: Future[None] = Future()

        def shut() -> None:
            self._gone()
            done.set_result(None)

        self._loop.submit(shut)
        done.result()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
