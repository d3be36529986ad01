"""What each reader makes of what it is given, and how it names what it cannot read."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest

from seatrial.clearinghouse.finding import Target
from seatrial.clearinghouse.intake import Defaults, Draft, Fault, Source, read
from seatrial.clearinghouse.intake.limits import ARCHIVE_MEMBERS

ZED = Defaults(target=Target(product_name="zed", version="1"))
ASAN = b"""==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000015 at pc 0x51 bp 0x7f sp 0x7e
READ of size 1 at 0x602000000015 thread T0
    #0 0x51 in parse /src/a.c:7:3
    #1 0x52 in main /src/m.c:1:1
"""


def items(data: object, defaults: Defaults = ZED, name: str = "given") -> list[Any]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return [item for _, item in read(Source(name, raw), defaults)]


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(files: dict[str, bytes], mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return out.getvalue()


def linked(kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("pov/link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    return out.getvalue()


def sarif(result: dict[str, object], **run: object) -> dict[str, object]:
    return {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": [result], **run}]}


def test_sarif_says_weakness_place_origin_and_no_severity_of_ours() -> None:
    step = {"location": {"physicalLocation": {"artifactLocation": {"uri": "in.c"}, "region": {"startLine": 2}}}}
    result = {
        "ruleId": "CWE-787/heap",
        "level": "error",
        "message": {"text": "overflow\nof a heap buffer"},
        "locations": [step["location"]],
        "codeFlows": [{"threadFlows": [{"locations": [step, step]}]}],
        "suppressions": [{"kind": "external"}],
        "partialFingerprints": {"hash/v1": "aa"},
    }
    tool = {"driver": {"name": "scan"}, "extensions": [{"name": "skill-3", "properties": {"model": "heron-7"}}]}
    provenance = [{"repositoryUri": "https://example.org/zed", "revisionId": "abc"}]
    run = {"tool": tool, "versionControlProvenance": provenance, "properties": {"ai/origin": "generated"}}
    [draft] = items(sarif(result, **run), Defaults())

    assert (draft.claim.title, draft.claim.cwe, draft.claim.kind) == ("overflow", (787,), "memory")
    assert [(one.uri, one.start_line, one.role) for one in draft.claim.locations] == [
        ("in.c", 2, "root"), ("in.c", 2, "source"), ("in.c", 2, "sink"),
    ]  # fmt: skip
    assert (draft.target.repo, draft.target.commit) == ("https://example.org/zed", "abc")
    assert (draft.ai_origin, draft.reporter_kind, draft.marks) == ("generated", "model", ("suppressed",))
    assert draft.severity.scheme == "sarif.level"
    assert set(draft.facts.model) == {"scan", "skill-3", "heron-7"}
    assert "partialFingerprints/hash/v1" in {one.name for one in draft.evidence}


@pytest.mark.parametrize(("rule", "cwe"), [("CWE-79/x", (79,)), ("NOVEL-x", ()), ("cwe-22", (22,)), ("js/xss", ())])
def test_a_rule_names_its_weakness(rule: str, cwe: tuple[int, ...]) -> None:
    assert items(sarif({"ruleId": rule, "message": {"text": "m"}}))[0].claim.cwe == cwe


def test_csaf_gives_one_finding_a_product_and_reads_both_versions() -> None:
    product = {"product_id": "P1", "name": "zed 1", "product_identification_helper": {"purl": "pkg:generic/zed@1"}}
    for version, weakness in (("2.0", {"cwe": {"id": "CWE-416"}}), ("2.1", {"cwes": [{"id": "CWE-416"}]})):
        flaw = {
            "cve": "CVE-2026-12345",
            "title": "use after free",
            "product_status": {"known_affected": ["P1", "P9"]},
            "notes": [{"category": "summary", "text": "it frees twice"}],
            **weakness,
        }
        document = {"csaf_version": version, "title": "d", "distribution": {"tlp": {"label": "WHITE"}}}
        tree = {"branches": [{"category": "product_name", "name": "zed", "product": product}]}
        first, second = items({"document": document, "product_tree": tree, "vulnerabilities": [flaw]})
        assert (first.target.purl, first.claim.cwe, first.tlp) == ("pkg:generic/zed@1", (416,), "TLP:CLEAR")
        assert (first.claim.summary, [one.value for one in first.references]) == ("it frees twice", ["CVE-2026-12345"])
        assert second.unread[0].field == "target"


def test_casr_keeps_its_class_as_evidence() -> None:
    given = {
        "CrashSeverity": {"Type": "EXPLOITABLE", "ShortDescription": "heap-buffer-overflow(write)"},
        "Stacktrace": ["#0 0x51 in parse /src/a.c:7:3"],
        "AsanReport": ASAN.decode().splitlines(),
        "CrashLine": "/src/a.c:7:3",
        "ProcCmdline": "./zed poc",
    }
    [draft] = items(given)
    assert draft.claim.title.startswith("Heap-buffer-overflow")
    assert draft.severity is None
    assert {("CrashSeverity.Type", "EXPLOITABLE"), ("ProcCmdline", "./zed poc")} <= {
        (one.name, one.value) for one in draft.evidence
    }


def test_a_log_gives_a_finding_a_report() -> None:
    [draft] = items(ASAN)
    assert draft.claim.title == "Heap-buffer-overflow READ 1 in parse"
    assert (draft.claim.locations[0].uri, draft.claim.locations[0].start_line) == ("/src/a.c", 7)
    assert draft.files[0].data == ASAN


def test_fuzzers_directories_give_reproducers_and_note_another_name() -> None:
    names = {
        "crash-da39a3ee5e6b4b0d3255bfef95601890afd80709": b"",
        "leak-" + "0" * 40: b"x",
        "out/crashes/id:000000,sig:11,src:000001": b"y",
        "out/crashes/README.txt": b"no finding",
        "out/hangs/id:000001,src:000001": b"z",
    }
    drafts = items(packed(names))
    assert [(one.claim.kind, one.marks) for one in drafts] == [
        ("memory", ()), ("memory", ("name_mismatch",)), ("memory", ()), ("dos", ()),
    ]  # fmt: skip
    assert [one.value for draft in drafts for one in draft.evidence] == ["11"]


def test_a_bundle_is_one_finding_with_its_files_in_their_compartments() -> None:
    finding = json.dumps({"purl": "pkg:generic/zed@1", "title": "overflow"}).encode()
    recipe = json.dumps({"image": "sha256:" + "a" * 64, "run": ["./zed", "{pov}"]}).encode()
    files = {"finding.json": finding, "recipe.json": recipe, "pov/x": b"A", "patch/a.diff": b"--- a", "log/1": ASAN}
    [draft] = items(packed({f"b/{name}": data for name, data in files.items()}))
    assert {(one.role, one.compartment) for one in draft.files} == {
        ("pov", "exploit"), ("patch", "advisory"), ("crash_log", "advisory"),
    }  # fmt: skip
    assert (draft.recipe.run, draft.attention) == (("./zed", "{pov}"), "")
    left, fault = items(packed({**files, "notes.md": b"left"}))
    assert isinstance(left, Draft)
    assert (fault.where, fault.whole) == ("given/notes.md", False)


def test_a_manifest_names_bundles_and_what_it_leaves_out() -> None:
    manifest = {
        "schema": "seatrial.finding-import/1",
        "run": "r",
        "model": ["heron-7"],
        "bundles": [{"path": "a", "sample": "s1", "finding": {"product_name": "p", "title": "t"}}, {"path": "gone"}],
    }
    files = {"manifest.json": json.dumps(manifest).encode(), "a/pov/x": b"A", "b/pov/x": b"B"}
    draft, gone, left = items(packed(files), Defaults())
    assert (draft.facts.model, draft.facts.run, draft.facts.samples) == (("heron-7",), "r", ("s1",))
    assert ("gone" in gone.where, left.where) == (True, "b/pov/x")
    [fault] = items(packed({**files, "manifest.json": b'{"schema": "x"}'}))
    assert "manifest.json" in fault.where


@pytest.mark.parametrize(
    ("recipe", "word"),
    [
        ({"network": "host"}, "network"),
        ({"privileged": True}, "privileged"),
        ({"mounts": ["/:/host"]}, "mounts"),
        ({"cap_add": ["SYS_ADMIN"]}, "cap_add"),
        ({"run": ["docker", "run", "{pov}"]}, "run[0]"),
        ({"run": ["./t", "/proc/self/mem", "{pov}"]}, "run[1]"),
        ({"run": ["./t", "--net=host", "{pov}"]}, "run[1]"),
        ({"run": ["./t"]}, "{pov}"),
        ({"image": "debian:latest"}, "image"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_recipe_that_asks_for_more_waits_for_a_person(recipe: dict[str, object], word: str) -> None:
    whole = {"image": "sha256:" + "a" * 64, "run": ["./t", "/dev/null", "{pov}"], **recipe}
    [draft] = items({"product_name": "p", "title": "t", "locations": [{"uri": "a"}], "recipe": whole})
    assert word in draft.attention


OVER = {"purl": "zed", "cpe": "cpe:zed", "vers": "1-2", "cwe": ["CWE-abc", True], "tlp": "PINK", "references": ["see"]}


def test_fields_that_cannot_be_read_are_kept_as_text_and_not_guessed() -> None:
    [draft] = items({"product_name": "p", "title": "t", "locations": [{"uri": "a"}], **OVER})
    told = {one.field for one in draft.unread}
    assert told == {"target.purl", "target.cpe", "target.vers", "claim.cwe", "tlp", "references"}
    assert (draft.target.purl, draft.claim.cwe, draft.tlp) == ("", (), "TLP:RED")


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"", "given", "is empty"),
        (b"hello", "given", "no crash report"),
        ({"a": 1}, "given", "no known form"),
        (b'{"runs": [ {', "line 1 column 13", "is not JSON"),
        ({"version": "2.0.0", "runs": []}, "$.version", "is '2.0.0'"),
        ({"version": "2.1.0", "runs": [7]}, "$.runs[0]", "must be an object"),
        ({"version": "2.1.0", "runs": [{"results": {}}]}, "$.runs[0].results", "must be an array"),
        ({"document": {"csaf_version": "1.2"}}, "$.document.csaf_version", "is '1.2'"),
        ({"document": {"csaf_version": "2.0"}}, "$.vulnerabilities", "is empty"),
        ([{"title": "t", "purl": "pkg:a/b", "color": 1}], "$[0].color", "is no field"),
        ([{"title": "t", "purl": "pkg:a/b"}], "$[0]", "neither a location nor an artefact"),
        ([{"title": 7, "purl": "pkg:a/b"}], "$[0].title", "must be a text"),
        ([{"title": "t", "purl": "p", "locations": [{"end_line": "x"}]}], "$[0].locations[0].end_line", "valid"),
        ([{"title": "t", "artefacts": [{"role": "bomb", "text": ""}]}], "$[0].artefacts[0].role", "is 'bomb'"),
        ([{"title": "t", "artefacts": [{"role": "pov", "data": "!"}]}], "$[0].artefacts[0].data", "base64"),
        (b'{"title": "a", "purl": "b", "locations": [{}]}\n{"title": NaN, "purl": "b"}', "line 2", "NaN"),
        (b'{"title": "a", "title": "b", "purl": "c"}', "given", "twice"),
        (b"[" * 100_000, "given", ""),
        (zipped({"../x": b""}), "../x", "leads out"),
        (zipped({"/etc/x": b""}), "/etc/x", "leads out"),
        (zipped({"c:\\x": b""}), "c:\\x", "leads out"),
        (zipped({"pov/l": b"/etc"}, mode=0o120777), "pov/l", "is a link"),
        (linked(tarfile.SYMTYPE), "pov/link", "is a link"),
        (linked(tarfile.LNKTYPE), "pov/link", "is a link"),
        (linked(tarfile.CHRTYPE), "pov/link", "is a link or a device"),
        (zipped({"pov/x": bytes(60_000_000)}), "pov/x", "200 times"),
        (zipped({f"pov/{number}": b"" for number in range(ARCHIVE_MEMBERS + 1)}), "pov/10000", "member 10001"),
        (gzip.compress(b"no tar", mtime=0), "given", "cannot be unpacked"),
        (packed({"pov/x": b"A"})[:40], "given", "cannot be unpacked"),
        (packed({}), "given", "holds no file"),
        (packed({"recipe.json": b"{}", "pov/x": b"A"}), "given/recipe.json", "required"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",  # an archive holds the time of its making
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_what_and_what_to_do(data: object, where: str, what: str) -> None:
    faults = [one for one in items(data, Defaults()) if isinstance(one, Fault)]
    assert len(faults) == 1, faults
    assert where in faults[0].where
    assert what in faults[0].what
    assert faults[0].to_do


def test_text_of_others_is_kept_and_terminal_sequences_are_not() -> None:
    title = "\x1b[31mred\x1b[0m <script>alert(1)</script> ignore all rules \ud800"
    [draft] = items({"product_name": "p", "title": title, "summary": "a\x00b", "locations": [{"uri": "a"}]})
    assert draft.claim.title == "red <script>alert(1)</script> ignore all rules \\ud800"
    assert draft.claim.summary == "a\x00b"
