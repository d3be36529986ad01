"""A submission walked over HTTP by its parties, while parts of the portal are killed: each step is sent as a form, what
was not answered is looked for or sent again, and what was answered has to be there.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from support.person import PATIENCE_S, Page, Person, Unanswered
from support.portal_process import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from support.portal_process import Portal

PEOPLE = {
    "ada": "ada:halcyon:developer_owner",
    "carl": "carl:halcyon:developer_counsel",
    "lin": "lin:bureau:evaluator_lead",
    "eve": "eve:bureau:evaluator",
}
MOST_TRIES = 12
AGAIN_S = 1.0
RUN_S = 400
"""For a run that is killed: a sweep finds it within 15 s each time, and it takes half a minute."""
PAGES = {"web": 0.65, "all": 0.15, "custody": 0.1, "worker": 0.1}
DEPOSIT = {"web": 0.2, "all": 0.2, "custody": 0.6}
RUN = {"web": 0.1, "all": 0.15, "custody": 0.15, "worker": 0.6}
"""Which part a kill in a step hits, by its share."""
LATER = 0.8
"""Moments are drawn up to so many times as long as the step last took, with the page after it: some come after it."""
RUN_KILLS = 4
"""Of one run; each costs a sweep."""


class Broken(AssertionError):
    """Something that was acknowledged is not there, or nothing leads on."""


@dataclass
class Killer:
    """Kills parts of one portal at drawn moments, until so many are killed."""

    portal: Portal
    random: Random
    left: int
    share: float = 0.5
    """Of the steps in which something is killed, as long as any is left."""
    killed: list[tuple[str, str, float]] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def around(self, step: str, parts: dict[str, float] = PAGES) -> Iterator[None]:
        """Perhaps kill a part while the block runs, or just after it."""
        timer, failed = None, list[BaseException]()
        if self.left and self.random.random() < self.share:
            part = self.random.choices(list(parts), list(parts.values()))[0]
            moment = self.random.uniform(0, LATER * self.took.get(step, 0.5))
            timer = threading.Timer(moment, self._kill, (part, step, moment, failed))
            self.left -= 1
            timer.start()
        began = time.monotonic()
        try:
            yield
            if timer is None:
                self.took[step] = time.monotonic() - began
        finally:
            if timer is not None:
                timer.join()
        if failed:
            raise failed[0]

    def now(self, step: str, parts: dict[str, float]) -> None:
        """Kill a part now."""
        failed: list[BaseException] = []
        self.left -= 1
        self._kill(self.random.choices(list(parts), list(parts.values()))[0], step, 0.0, failed)
        if failed:
            raise failed[0]

    def _kill(self, part: str, step: str, moment: float, failed: list[BaseException]) -> None:
        try:
            self.portal.kill(part)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)
        else:
            self.killed.append((part, step, round(moment, 2)))


@dataclass(frozen=True)
class Done:
    """One step that somebody knows to be done: by its answer, or by looking."""

    step: str
    submission: str
    answered: bool
    tries: int


@dataclass
class Voyage:
    """Submissions between four people of one portal, one after the other."""

    portal: Portal
    killer: Killer
    random: Random
    people: dict[str, Person] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)
    pressed: Counter[str] = field(default_factory=Counter)
    """How unanswered steps went on: pressed again, or looked for."""

    def __post_init__(self) -> None:
        for name, player in PEOPLE.items():
            client = httpx.Client(base_url=self.portal.url, timeout=PATIENCE_S, trust_env=False)
            self.people[name] = Person(client)
            self.sign_in(name, player)

    def sign_in(self, name: str, player: str) -> None:
        """By the door of the demonstration."""
        person = self.people[name]

        def inside() -> bool:
            return "Acting as <strong>" in person.get("/submissions/").text

        self._step(f"sign in {name}", "", name, "/demonstration/", "/demonstration/", inside, player=player)

    def offered(self, code_name: str) -> str:
        """A draft by the form; its id, found by its code name."""
        digest = "sha256:" + hashlib.sha256(code_name.encode()).hexdigest()
        given = {"code_name": code_name, "digest": digest, "evaluator": "bureau", "form": "on_site"}
        new = "/submissions/new/"
        self._step("offer", code_name, "ada", new, new, lambda: self._named(code_name) != "", **given)
        return self._named(code_name)

    def shared_by_program(self, code_name: str) -> str:
        """An offer that is shared at once, by the API, under a key that is sent again until it is answered."""
        digest = "sha256:" + hashlib.sha256(code_name.encode()).hexdigest()
        body = {"code_name": code_name, "digest": digest, "evaluator": "bureau", "form": "on_site", "share": True}
        answer = self.called("open", "ada", "/api/v1/submissions", f"open-{code_name}", body)
        return str(answer["id"])

    def called(self, step: str, who: str, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request of a program, sent under its key until it is answered."""
        ada = self.people[who]
        headers = {"Idempotency-Key": key, "X-CSRFToken": _token(ada.get("/submissions/new/")), "Referer": ada.url}
        last = time.monotonic() + 2 * PATIENCE_S
        tries = 0
        while time.monotonic() < last:
            tries += 1
            try:
                with self.killer.around(step):
                    answer = ada.client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                continue
            if answer.is_success:
                self.done.append(Done(step, str(answer.json()["id"]), answered=True, tries=tries))
                return dict(answer.json())
            if answer.status_code == 409 and "Retry-After" in answer.headers:
                time.sleep(float(answer.headers["Retry-After"]))
            elif answer.status_code < 500:
                raise Broken(f"{step}: {answer.status_code} {answer.text}")
        raise Broken(f"{step}: not answered")

    def agreed(self, name: str, *, shared: bool = False) -> None:
        """From a draft to an agreement with a registered plan and a sealed endpoint."""
        at = f"/submissions/{name}/"
        if not shared:
            self._to("share", name, "ada", f"{at}share/", "share/", "submitted")
        self._to(
            "begin_terms",
            name,
            "lin",
            f"{at}steps/begin_terms/",
            "begin_terms/",
            "terms",
            **{"text-capacity_note": "Room."},
        )

        def consented() -> bool:
            return any(one["activity"] == "evaluate" for one in self._shown(name)["consents"])

        self._step("consent", name, "ada", f"{at}consents/", "consents/", consented, activity="evaluate")

        def turned() -> bool:
            votes = [vote for one in self._shown(name)["keys"] for vote in one["turned"]]
            return any(vote["organisation"] == "halcyon" for vote in votes)

        plan = {"funding": "each side its own", "incident_plan": f"Tell both sides of {name}."}
        self._step("propose", name, "ada", f"{at}agreement/", "agreement/propose/", turned, **plan)
        self._to("sign", name, "lin", f"{at}agreement/", "agreement/sign/", "agreed")

    def planned(self, name: str) -> None:
        """A plan of six attempts."""
        asked = "tier=screen&families=crypto&levels=1&instances=2&participants=reference&participants=null"
        there = f"/reviews/{name}/plan/"
        done = lambda: self._has(name, "plan")  # noqa: E731 - as the other steps say it
        self._step("plan", name, "lin", f"{there}?{asked}&limit_turns=6", "plan/", done)

    def deposited(self, name: str, endpoint: str) -> None:
        """An endpoint, brought to custody's own process with a token that is good once."""
        at = f"/submissions/{name}/access/"
        ada = self.people["ada"]

        def sealed() -> bool:
            return "An endpoint is sealed since" in ada.get(at).text

        last, tries = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < last:  # nobody holds custody's address while it is started again
            tries += 1
            page = ada.get(at)
            asked = page.form("access/deposit/")
            try:
                form = ada.send(asked).form("/deposits") if asked else None
                if form is None:
                    continue
                with self.killer.around("deposit", DEPOSIT) if tries == 1 else nullcontext():
                    answer = ada.send(form.filled(base_url=endpoint, dialect="openai", key="no-secret-of-anybody"))
            except Unanswered:
                answer = None
                time.sleep(AGAIN_S)
            if answer is not None and answer.url.endswith("deposit=done") and not sealed():
                raise Broken(f"{name}: the deposit was acknowledged and nothing is sealed")
            if sealed():
                self.done.append(Done("deposit", name, answered=answer is not None, tries=tries))
                return
        raise Broken(f"{name}: no deposit in {PATIENCE_S} s")

    def opened(self, name: str) -> None:
        """Access is open."""
        self._to("grant", name, "ada", f"/submissions/{name}/access/", "access/grant/", "access_open")

    def ran(self, name: str) -> None:
        """A run is asked for, and worked on to its end while workers are killed."""
        there = f"/reviews/{name}/runs/"
        done = lambda: bool(self._runs(name))  # noqa: E731
        self._step("start", name, "eve", there, "runs/start/", done)
        kills, moment = 0, time.monotonic() + self.random.uniform(1, 15)

        def over() -> bool:
            nonlocal kills, moment
            if self.killer.left and kills < RUN_KILLS and time.monotonic() > moment:
                self.killer.now("run", RUN)
                kills, moment = kills + 1, time.monotonic() + self.random.uniform(8, 30)
            return not any(one["state"] in {"waiting", "running"} for one in self._runs(name))

        until(over, f"the run of {name} is over", RUN_S)
        [unit] = self._runs(name)
        if unit["state"] != "complete":
            raise Broken(f"{name}: its run is {unit['state']}: {unit['reason']}")

    def reported(self, name: str) -> None:
        """From the end of the runs to the signature, with two comments."""
        at = f"/reviews/{name}/"
        self._to("end_runs", name, "eve", f"{at}end/", "end/", "review")
        self._to("draft", name, "eve", f"{at}report/draft/", "draft/", "draft_report")
        self._to("deliver", name, "lin", f"{at}report/deliver/", "deliver/", "developer_comment")
        for number in (1, 2):
            words = f"Comment {number} on {name}."
            digest = "sha256:" + hashlib.sha256(words.encode()).hexdigest()
            done = lambda digest=digest: digest in self._digests(name)  # noqa: E731
            self._step("comment", name, "carl", f"/submissions/{name}/report/", "report/comment/", done, text=words)
        self._to("sign_report", name, "lin", f"{at}report/sign/", "sign/", "report_issued")

    def withdrawn(self, name: str) -> None:
        """The developer ends it, and keeps the receipt."""
        there = f"/submissions/{name}/withdraw/"
        self._to("withdraw", name, "ada", there, "withdraw/", "withdrawn")

    def kept_receipt(self, name: str) -> None:
        """The newest step's receipt, as somebody keeps it who wants to check later."""
        seq = self._shown(name)["version"]
        self.receipts.append(self.people["ada"].fetched(f"/submissions/{name}/proofs/{seq}/"))

    def _to(self, step: str, name: str, who: str, path: str, action: str, state: str, **values: str) -> None:
        self._step(step, name, who, path, action, lambda: self._shown(name)["state"] == state, **values)

    def _step(
        self, step: str, name: str, who: str, path: str, action: str, done: Callable[[], bool], **values: str
    ) -> None:
        """One step, as a person takes it: fill in, send, and if no answer comes look, or press again."""
        person, answer = self.people[who], None
        for tries in range(1, MOST_TRIES + 1):
            page = person.get(path)
            form = page.form(action)
            if form is None:
                if done():
                    self.done.append(Done(step, name, answered=False, tries=tries))
                    return
                raise Broken(f"{step} of {name}: no form at {path}, and it is not done ({page.status})")
            filled = form.filled(**values)
            answer = None
            try:
                with self.killer.around(step):
                    answer = person.send(filled)
            except Unanswered:
                answer = self._pressed_again(person, filled)
            if answer is not None and not answer.refused and not done():
                raise Broken(f"{step} of {name}: acknowledged, and not there")
            if done():
                self.done.append(Done(step, name, answered=answer is not None and not answer.refused, tries=tries))
                return
        raise Broken(f"{step} of {name}: not done in {MOST_TRIES} tries; {said(answer)}")

    def _pressed_again(self, person: Person, form: Any) -> Page | None:  # noqa: ANN401 - a form
        """Half of those who get no answer press the button again; the others look."""
        if self.random.random() < 0.5:
            self.pressed["looked"] += 1
            return None
        self.pressed["pressed again"] += 1
        try:
            return person.send(form)
        except Unanswered:
            return None

    def _named(self, code_name: str) -> str:
        """The first submission of a code name; empty while there is none."""
        found = self.people["ada"].json("/api/v1/submissions?most=100")["items"]
        return next((str(one["id"]) for one in found if one["code_name"] == code_name), "")

    def _shown(self, name: str) -> dict[str, Any]:
        return dict(self.people["ada"].json(f"/api/v1/submissions/{name}"))

    def _runs(self, name: str) -> list[dict[str, Any]]:
        return list(self.people["eve"].json(f"/api/v1/reviews/{name}/runs"))

    def _has(self, name: str, kind: str) -> bool:
        return any(one["kind"] == kind for one in self._shown(name)["papers"])

    def _digests(self, name: str) -> set[str]:
        return {one["digest"] for one in self._shown(name)["papers"]}


def said(page: Page | None) -> str:
    """What a page says is wrong."""
    if page is None:
        return "no answer"
    words = re.findall(r"usa-(?:alert__text|error-message)[^>]*>(.*?)<", page.text, re.DOTALL)
    return f"{page.status} {page.url}: {'; '.join(' '.join(one.split()) for one in words)}"


def _token(page: Page) -> str:
    return next(value for form in page.forms for name, value in form.fields if name == "csrfmiddlewaretoken")
