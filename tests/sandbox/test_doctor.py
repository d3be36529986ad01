"""The doctor: what is missing is named with its consequence and the exact fix, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from seatrial.cli.doctor import doctor
from seatrial.cli.sandbox import sandbox
from seatrial.sandbox.doctor import TRIAL, Check, Diagnosis, diagnose

Run = Callable[[list[str]], tuple[int, str]]


def trial(code: int, text: str = "") -> Run:
    """Commands of a machine where the trial of a box's namespaces ends so."""
    return lambda argv: (code, text) if TRIAL in argv else (0, f"{Path(argv[0]).name} 1.0")


def machine(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def named(diagnosis: Diagnosis, name: str) -> Check:
    return next(check for check in diagnosis.checks if check.name == name)


def test_this_machine_can_make_boxes() -> None:
    found = diagnose()
    assert found.exit_code in (0, 1)
    assert named(found, "namespaces").state == "ok"
    assert named(found, "system call filter").state == "ok"


def test_every_finding_that_is_not_fine_has_a_consequence_and_a_fix(tmp_path: Path) -> None:
    for found in (diagnose(), diagnose(tmp_path, trial(11, "Operation not permitted"))):
        for check in found.checks:
            assert check.found
            if check.state != "ok":
                assert check.consequence, check
                assert check.fix, check


@pytest.mark.parametrize(
    ("files", "fix"),
    [
        ({"proc__sys__kernel__apparmor_restrict_unprivileged_userns": "1"}, "apparmor_restrict_unprivileged_userns=0"),
        ({"proc__sys__user__max_user_namespaces": "0"}, "sysctl -w user.max_user_namespaces="),
        ({"proc__sys__kernel__unprivileged_userns_clone": "0"}, "sysctl -w kernel.unprivileged_userns_clone=1"),
        ({".dockerenv": ""}, "--security-opt seccomp=unconfined"),
        ({}, "allow user namespaces"),
    ],
)
def test_refused_namespaces_have_the_fix_of_their_cause(tmp_path: Path, files: dict[str, str], fix: str) -> None:
    found = diagnose(machine(tmp_path, **files), trial(11, "Operation not permitted\n"))
    check = named(found, "namespaces")
    assert check.state == "missing"
    assert "unshare refused: Operation not permitted" in check.found
    assert fix in check.fix
    assert found.exit_code == 2


def test_a_masked_proc_points_at_the_container(tmp_path: Path) -> None:
    check = named(diagnose(tmp_path, trial(14, "Operation not permitted")), "namespaces")
    assert "mounting a fresh /proc" in check.found
    assert "systempaths=unconfined" in check.fix


def test_no_control_groups_is_a_loss(tmp_path: Path) -> None:
    found = diagnose(tmp_path, trial(0))
    assert named(found, "control groups").state == "loss"
    assert "Delegate=yes" in named(found, "control groups").fix


def test_a_missing_compiler_is_a_loss_and_a_missing_fuzzer_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.sandbox.doctor.shutil.which", lambda *_, **__: None)
    found = diagnose()
    assert named(found, "gcc").state == "loss"
    assert named(found, "gcc").fix == "apt-get install gcc libc6-dev"
    assert named(found, "afl-fuzz").state == "optional"
    assert found.exit_code == 1


def test_exit_codes() -> None:
    states = {"ok": 0, "optional": 0, "loss": 1, "missing": 2}
    for state, code in states.items():
        assert Diagnosis((Check("x", state, "y"), Check("z", "ok", "y"))).exit_code == code  # type: ignore[arg-type]


def test_the_command_prints_json_and_text() -> None:
    runner = CliRunner()
    plain, as_json = runner.invoke(doctor), runner.invoke(doctor, ["--json"])
    assert plain.exit_code == as_json.exit_code
    read = json.loads(as_json.output)
    assert read["schema"] == "seatrial.doctor/1"
    assert plain.output.strip().endswith(read["verdict"])
    assert all(check["name"] in plain.output for check in read["checks"])


# The command line of boxes


def test_check_prints_a_table_that_ends_with_the_verdict() -> None:
    done = CliRunner().invoke(sandbox, ["check"])
    assert done.exit_code in (0, 1)
    assert "canary seen" in done.output
    assert done.output.strip().splitlines()[-1].startswith("sealed")


def test_full_check_as_json_holds_a_record_for_each_boundary() -> None:
    done = CliRunner().invoke(sandbox, ["check", "--full", "--json"])
    read = json.loads(done.output)
    assert read["exit_code"] == done.exit_code
    assert set(read["records"]) == {"box", "box without capabilities", "box with raw sockets", "private network"}
    assert all(record["sealed"] for record in read["records"].values())


def test_a_check_that_finds_a_door_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.sandbox.embedded.launcher import EmbeddedEngine  # noqa: PLC0415 - to break it here only

    plan = EmbeddedEngine._plan
    monkeypatch.setattr(EmbeddedEngine, "_plan", lambda *given: {**plan(*given), "env": {"http_proxy": "x"}})
    done = CliRunner().invoke(sandbox, ["check"])
    assert done.exit_code == 2
    assert "NOT sealed" in done.output
    assert "host.environment: open: proxy variable http_proxy" in done.output
    refused = CliRunner().invoke(sandbox, ["run", "true"])
    assert refused.exit_code == 2
    assert "host.environment" in refused.stderr
    assert "Traceback" not in refused.output


def test_run_gives_what_the_command_gave() -> None:
    done = CliRunner().invoke(sandbox, ["run", "--", "sh", "-c", "cat; echo wrong >&2; exit 3"], input="through\n")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "through\n", "wrong\n")


def test_run_in_a_private_network() -> None:
    done = CliRunner().invoke(sandbox, ["run", "--net", "private", "--json", "--", "cat", "/proc/net/dev"])
    assert done.exit_code == 0
    assert "eth0" in json.loads(done.output)["stdout"]


def test_run_says_when_time_ran_out() -> None:
    done = CliRunner().invoke(sandbox, ["run", "--timeout", "0.5", "--", "sleep", "20"])
    assert done.exit_code == 124
    assert "killed after 0.5 s" in done.stderr


def test_wrong_use_is_explained() -> None:
    for arguments in (["run"], ["run", "--net", "internet", "true"], ["run", "--timeout", "-1", "true"]):
        done = CliRunner().invoke(sandbox, arguments)
        assert done.exit_code == 2
        assert "Error" in done.output
