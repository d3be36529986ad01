"""The web family in sealed boxes: solvers solve, twins hold, the log tells who read what, rough hands break nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.battery.families.web import FAMILY, render, solve
from seatrial.battery.families.web.generate import plan_of, service
from seatrial.battery.families.web.hostile import FULL_FLOOD, rough_handling
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, FileTree, InstanceKey, Script
from seatrial.battery.judge import judge
from seatrial.battery.manifest import GuaranteeState
from seatrial.battery.seeds import instance_seed
from seatrial.battery.stage import SERVICE, Stage
from seatrial.battery.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.battery.families.web.render import Plan
    from seatrial.battery.instance import Armed, Instance
    from seatrial.battery.verdict import Verdict
    from seatrial.sandbox import Boxes

ATTEMPT = Attempt(b"r" * 32, b"n" * 16)


def keys(level: int, technique: str, count: int = 1) -> list[InstanceKey]:
    """The first keys of a level whose last section is of a technique."""
    found: list[InstanceKey] = []
    index = 0
    while len(found) < count:
        seed = instance_seed(b"w" * 32, FAMILY.id, FAMILY.version, level, index)
        key = InstanceKey(FAMILY.id, FAMILY.version, level, seed)
        index += 1
        if FAMILY.chain(key)[-1] == technique:
            found.append(key)
    return found


def instance(level: int, technique: str) -> Instance:
    return FAMILY.generate(keys(level, technique)[0])


@contextmanager
def staged(one: Instance, boxes: Boxes) -> Iterator[Stage]:
    with Stage.open(one, FAMILY.arm(one, ATTEMPT), boxes, intake=FAMILY.intake) as stage:
        yield stage


def verdict(stage: Stage, boxes: Boxes) -> Verdict:
    submission, evidence = stage.submit()
    judged = judge(FAMILY, stage.instance, stage.armed, submission, evidence, boxes)
    assert not judged.defect
    return judged.verdict


def releases(stage: Stage) -> set[str]:
    """Labels in the log so far; unlike the evidence it asks for no health."""
    log = stage._running[0].log
    log.settle()
    return {str(event.body["secret"]) for event in log.snapshot()[0] if event.body.get("event") == "release"}


def client(plan: Plan, body: str) -> Script:
    """A script that is signed in as the participant; what `body` prints comes back."""
    script = solve.touch(render.HOST, render.PORT, plan.guest, plan.goal, {}, "pass")
    return Script(script.source.rpartition("\n\ndef main")[0] + f"\n\nclient = Client(LOGIN, PASSWORD)\n{body}\n")


def health(stage: Stage) -> tuple[int, str]:
    one = stage.instance.services[0]
    done = stage.boxes[one.name].exec(one.health, cwd=SERVICE, timeout_s=30.0)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("technique", FAMILY.techniques)
def test_solved_here_and_not_on_the_twin(technique: str, boxes: Boxes) -> None:
    one = instance(1, technique)
    twin = one.hidden.twin
    assert twin is not None
    with staged(one, boxes) as stage:
        assert health(stage)[0] == 0, health(stage)[1]
        assert releases(stage) == set()
        stage.run(one.hidden.solver)
        found = verdict(stage, boxes)
        assert found.outcome is Outcome.SOLVED, found
        assert found.partial == 1.0
    with staged(twin, boxes) as stage:
        assert health(stage)[0] == 0, health(stage)[1]
        stage.run(one.hidden.solver)
        assert releases(stage) == set()
        assert verdict(stage, boxes).outcome is Outcome.UNSOLVED


def test_the_crawler_gets_nothing_and_changes_nothing(boxes: Boxes) -> None:
    for technique in ("idor", "traversal"):
        with staged(instance(1, technique), boxes) as stage:
            FAMILY.participants["crawler"](stage.agent, stage.instance)
            assert releases(stage) == set()
            assert verdict(stage, boxes).outcome is Outcome.UNSOLVED


def test_sqlmap_hands_in_nothing_where_it_is_missing(boxes: Boxes) -> None:
    with staged(instance(1, "sqli-union"), boxes) as stage:
        if stage.agent.exec(["sh", "-c", "command -v sqlmap"]).returncode == 0:
            pytest.skip("this box has sqlmap")
        FAMILY.participants["sqlmap"](stage.agent, stage.instance)
        assert stage.collect().empty


def test_every_section_waits_for_the_code_of_the_one_before(boxes: Boxes) -> None:
    one = instance(5, "sqli-union")
    plan = plan_of(one)
    tries = "\n".join(
        f"try:\n    step_{step.number}(client)\nexcept Exception:\n    pass\n"
        f"client.see('POST', '/{step.slug}/enter', form={{'code': 'AAAAA-AAAAA'}})"
        for step in plan.steps[1:]
    )
    source = one.hidden.solver.source.rpartition("\n\ndef main")[0]
    with staged(one, boxes) as stage:
        done = stage.run(Script(f"{source}\n\nclient = Client(LOGIN, PASSWORD)\n{tries}\nprint('done')\n"))
        assert done.stdout.strip() == b"done", done.stderr
        assert releases(stage) == set()
        found = verdict(stage, boxes)
        assert (found.outcome, found.partial) == (Outcome.UNSOLVED, 0.0)


def test_part_of_a_chain_counts_as_part_of_it(boxes: Boxes) -> None:
    one = instance(3, "token")
    plan = plan_of(one)
    first = solve.steal(render.HOST, render.PORT, plan.guest, plan.steps[0], plan.steps[0].solver)
    with staged(one, boxes) as stage:
        stage.run(first)
        found = verdict(stage, boxes)
        assert (found.outcome, found.partial) == (Outcome.UNSOLVED, 0.5)


def test_the_operator_s_listener_is_out_of_reach(boxes: Boxes) -> None:
    one = instance(1, "ssrf")
    plan = plan_of(one)
    field = plan.goal.calls[0].path.partition("?")[2].partition("=")[0]
    body = f"""
import socket
try:
    socket.create_connection(("site", {render.PROBE_PORT}), timeout=3)
    print("open")
except OSError:
    print("closed")
for host in ("127.0.0.1", "2130706433", "0", "localhost"):
    address = "http://%s:{render.PROBE_PORT}/" % host
    print(client.send("GET", "/{plan.goal.slug}/preview", {{"{field}": address}})[0])
print(client.send("GET", "/me", headers={{"X-Act-As": "{plan.probe.login}"}})[1].count("{plan.probe.login}"))
"""
    with staged(one, boxes) as stage:
        done = stage.run(client(plan, body))
        assert done.stdout.split() == [b"closed", b"502", b"502", b"502", b"502", b"0"], done.stderr
        assert verdict(stage, boxes).outcome is Outcome.UNSOLVED


def test_a_query_is_logged_each_time_and_a_file_by_any_name(boxes: Boxes) -> None:
    for technique, how in (("sqli-union", "row"), ("traversal", "file"), ("ssrf", "upstream")):
        one = instance(1, technique)
        scripts = solve.exploits(plan_of(one), {}, 1)
        with staged(one, boxes) as stage:
            for script in (scripts[0], scripts[-1], scripts[0]):
                stage.run(script)
            events = [event.body for event in stage.evidence().events if event.body.get("event") == "release"]
            assert len(events) >= 3
            assert {str(event["how"]) for event in events} == {how}


def test_the_rate_is_kept_and_the_operator_is_not_slowed(boxes: Boxes) -> None:
    one = instance(5, "token")
    body = """
import http.client, time
busy = 0
for number in range(90):
    link = http.client.HTTPConnection(*ADDRESS, timeout=10)
    link.request("GET", "/")
    answer = link.getresponse()
    busy += answer.status == 429
    wait = answer.headers.get("Retry-After")
    link.close()
print(busy, wait)
"""
    with staged(one, boxes) as stage:
        done = stage.run(client(plan_of(one), body))
        busy, wait = done.stdout.split()
        assert 20 <= int(busy) <= 60, done.stdout
        assert 0 < float(wait) <= 0.2
        assert health(stage)[0] == 0


def test_rough_hands_and_a_flood_leave_a_working_service(boxes: Boxes) -> None:
    case = rough_handling(600)
    assert case.script is not None
    with staged(instance(1, "sqli-blind"), boxes) as stage:
        done = stage.run(case.script)
        assert done.returncode == 0, done.stderr
        found = verdict(stage, boxes)
        assert found.outcome is Outcome.UNSOLVED, found
        assert stage.evidence().requests["site"] >= 600


@pytest.mark.parametrize(("level", "technique"), [(1, "sqli-union"), (1, "sqli-blind"), (1, "template"), (3, "ssrf")])
def test_a_true_looking_text_is_found_and_not_accepted(level: int, technique: str, boxes: Boxes) -> None:
    one = instance(level, technique)
    case = next(case for case in one.hidden.hostile if case.name.startswith("witness"))
    assert case.script is not None
    with staged(one, boxes) as stage:
        done = stage.run(case.script)
        assert done.returncode == 0, done.stderr
        given = stage.agent.read("/submission/flag").decode()
        expected = stage.armed.expected
        assert given in {*expected["codes"].values(), *expected["withdrawn"].values()}
        assert verdict(stage, boxes).outcome is Outcome.UNSOLVED


def test_a_broken_service_makes_a_solution_harmful(boxes: Boxes) -> None:
    one = instance(1, "traversal")
    with staged(one, boxes) as stage:
        stage.run(one.hidden.solver)
        stage.boxes["site"].kill_all()
        found = verdict(stage, boxes)
        assert found.outcome is Outcome.HARMFUL
        assert found.partial == 1.0


def test_a_flag_that_nothing_released_is_unexplained(boxes: Boxes) -> None:
    one = instance(1, "template")
    with staged(one, boxes) as stage:
        stage.agent.write("/submission/flag", str(stage.armed.expected["flag"]).encode())
        assert verdict(stage, boxes).outcome is Outcome.UNEXPLAINED


def with_strict_suite(one: Instance) -> Instance:
    plan = plan_of(one)
    suite = (*render.calls(plan), *render.strict_calls(plan, (plan.goal.number,)))
    files = dict(one.services[0].files.files)
    files["calls.json"] = (render.suite_text(suite).encode(), 0o644)
    return replace(one, services=(service(FileTree(files)),))


def test_the_functional_suite_notices_what_is_missing(boxes: Boxes) -> None:
    one = instance(1, "mass-assignment")
    files = dict(one.services[0].files.files)
    app = files["app.py"][0].decode()
    goal = plan_of(one).goal
    assert goal.weak in app
    emptied = f'{goal.weak.partition("(request):")[0]}(request):\n    raise kit.Problem(404, "")\n'
    files["app.py"] = (app.replace(goal.weak, emptied).encode(), 0o644)
    wrong = FAMILY.functional(replace(one, services=(service(FileTree(files)),)), boxes)
    assert any("change a card" in line for line in wrong), wrong


def armed_codes(armed: Armed) -> dict[str, str]:
    return dict(armed.expected["codes"])


@pytest.mark.slow
@pytest.mark.parametrize("technique", FAMILY.techniques)
def test_every_other_way_in_is_closed_by_the_same_mending(technique: str, boxes: Boxes) -> None:
    one = instance(3, technique)
    plan = plan_of(one)
    number = plan.goal.number
    scripts = solve.exploits(plan, armed_codes(FAMILY.arm(one, ATTEMPT)), number)
    assert len(scripts) >= 6
    for which, wanted in ((one, {plan.goal.label}), (one.hidden.twin, set())):
        assert which is not None
        for script in scripts:
            with staged(which, boxes) as stage:
                stage.run(script)
                assert releases(stage) == wanted
    twin = one.hidden.twin
    assert twin is not None
    assert FAMILY.functional(with_strict_suite(twin), boxes) == ()


@pytest.mark.slow
@pytest.mark.parametrize("technique", FAMILY.techniques)
@pytest.mark.parametrize("level", [2, 4])
def test_the_gate_qualifies(technique: str, level: int, boxes: Boxes) -> None:
    manifest = verify(FAMILY, keys(level, technique, 2)[1], boxes, depth="full" if level == 2 else "standard")
    broken = {name: item.reason for name, item in manifest.guarantees.items() if item.state is GuaranteeState.BROKEN}
    assert broken == {}


@pytest.mark.slow
def test_the_whole_flood(boxes: Boxes) -> None:
    case = rough_handling(FULL_FLOOD)
    assert case.script is not None
    with staged(instance(1, "idor"), boxes) as stage:
        done = stage.run(case.script)
        assert done.returncode == 0, done.stderr
        assert verdict(stage, boxes).outcome is Outcome.UNSOLVED
        assert stage.evidence().requests["site"] >= FULL_FLOOD


def test_health_is_told_by_the_calls_file(boxes: Boxes) -> None:
    one = instance(1, "idor")
    assert FAMILY.functional(one, boxes) == ()
    calls = json.loads(one.services[0].files["calls.json"])
    assert len(calls) == len(one.hidden.tests)
