"""Bundles for their recipients, and exploits that two people open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pyrage import ssh, x25519

from seatrial.clearinghouse.secrecy.age_bundle import EARLIER, BadBundle, Keyed, Manifest, make, opened, sealed_to
from seatrial.clearinghouse.secrecy.compartments import RETENTION_DAYS, Compartments, StaysShut
from seatrial.clearinghouse.secrecy.tlp import Labelled, NotForThem, Recipient
from seatrial.custody import HeldInMemory, KeyGone, MemoryKeyHolder, MemoryKeyTable, Vault
from seatrial.custody.seal import NotThisSeal
from seatrial.framework.data_class import Tlp
from seatrial.framework.participant import Role
from seatrial.framework.two_key import KeyAction, KeyRequest, Vote

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FILES = {"advisory.json": b'{"document":{}}', "notes/readme.md": b"# read me"}
THINGS = tuple(Labelled(name, Tlp.TLP_AMBER, frozenset({"acme", "brio"})) for name in FILES)


def identity() -> tuple[x25519.Identity, str]:
    made = x25519.Identity.generate()
    return made, str(made.to_public())


def test_a_bundle_opens_for_its_recipients_and_for_nobody_else() -> None:
    (mine, my_key), (other, _) = identity(), identity()
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    sealed = sealed_to(FILES, [my_key, public])
    assert opened(sealed, mine) == opened(sealed, ssh.Identity.from_buffer(private)) == FILES
    with pytest.raises(BadBundle, match="does not open"):
        opened(sealed, other)
    with pytest.raises(BadBundle, match="does not open"):
        opened(sealed[:-1] + bytes([sealed[-1] ^ 1]), mine)


def test_when_the_recipients_change_it_is_made_again_and_the_log_says_what_that_does_not_undo() -> None:
    (acme, acme_key), (brio, brio_key) = identity(), identity()
    both = [Keyed(Recipient("sec@acme.test", "acme"), acme_key), Keyed(Recipient("sec@brio.test", "brio"), brio_key)]
    first, one = make("SC-2026-0001", FILES, THINGS, Tlp.TLP_AMBER, both, NOW)
    second, two = make("SC-2026-0001", FILES, THINGS, Tlp.TLP_AMBER, both[:1], NOW, one)
    assert (one.generation, one.note, two.generation, two.note) == (1, "", 2, EARLIER)
    assert opened(second, acme) == FILES
    with pytest.raises(BadBundle):
        opened(second, brio)
    assert opened(first, brio) == FILES  # as the log says
    third = make("SC-2026-0001", FILES, THINGS, Tlp.TLP_AMBER, both[:1], NOW, two)[1]
    assert third.note == ""
    log = repr(two.to_json())
    assert acme_key not in log
    assert "document" not in log
    assert Manifest(**two.to_json()) == two


@pytest.mark.parametrize(
    ("things", "label", "says", "kind"),
    [
        (THINGS, Tlp.TLP_GREEN, "the bundle only TLP:GREEN", NotForThem),
        ((replace(THINGS[0], audience=frozenset({"brio"})), THINGS[1]), Tlp.TLP_AMBER, "does not reach", NotForThem),
        (THINGS[:1], Tlp.TLP_AMBER, "has no label", BadBundle),
    ],
)
def test_no_file_enters_past_its_label(
    things: tuple[Labelled, ...], label: Tlp, says: str, kind: type[Exception]
) -> None:
    acme = Keyed(Recipient("sec@acme.test", "acme"), identity()[1])
    with pytest.raises(kind, match=says):
        make("b", FILES, things, label, [acme], NOW)


@pytest.mark.parametrize(
    ("files", "keys", "says"),
    [
        (FILES, [], "nobody could open it"),
        (FILES, ["age1nonsense"], "no public key"),
        (FILES, ["ssh-rsa nonsense"], "no public key"),
        ({"../up": b""}, None, "leaves the archive"),
        ({"/etc/x": b""}, None, "leaves the archive"),
    ],
)
def test_a_bundle_that_cannot_be_made_says_why(files: dict[str, bytes], keys: list[str] | None, says: str) -> None:
    with pytest.raises(BadBundle, match=says):
        sealed_to(files, [identity()[1]] if keys is None else keys)


@pytest.fixture
def compartments() -> Compartments:
    return Compartments(Vault(MemoryKeyHolder(), HeldInMemory(), MemoryKeyTable()))


def vote(request: KeyRequest, person: str, role: Role = Role.ANALYST) -> Vote:
    return Vote(request.id, request.digest, person, "house", role, NOW)


def test_an_exploit_opens_for_two_people_who_did_not_ask(compartments: Compartments) -> None:
    kept = compartments.put("C-000007", b"proof", NOW)
    assert b"proof" not in kept.sealed
    request = KeyRequest("key-1", KeyAction.OPEN_EXPLOIT, "c-000007", f"sha256:{kept.address}", "per-ana", NOW)
    two = [vote(request, "per-ben"), vote(request, "per-eva", Role.COORDINATOR)]
    assert compartments.open(kept, request, two, NOW).reveal() == b"proof"
    for votes in (
        [],
        two[:1],
        [two[0], two[0]],
        [two[0], vote(request, "per-ana")],
        [two[0], vote(request, "per-dev", Role.DEVELOPER_OWNER)],
        [two[0], replace(two[1], request_digest="sha256:" + "0" * 64)],
    ):
        with pytest.raises(StaysShut, match="people still to turn a key"):
            compartments.open(kept, request, votes, NOW)
    with pytest.raises(StaysShut):
        compartments.open(kept, request, two, NOW + timedelta(hours=25))
    with pytest.raises(StaysShut, match="asked for something else"):
        compartments.open(replace(kept, cluster="C-000008"), request, two, NOW)
    moved = replace(kept, cluster="C-000008")
    compartments.put("C-000008", b"other", NOW)
    with pytest.raises(NotThisSeal):
        compartments.open(moved, replace(request, object="c-000008"), two, NOW)


def test_proofs_are_shredded_after_a_verified_fix_and_its_retention_and_alone(compartments: Compartments) -> None:
    kept, other = compartments.put("C-000007", b"proof", NOW), compartments.put("C-000008", b"other", NOW)
    due = NOW + timedelta(days=RETENTION_DAYS)
    with pytest.raises(StaysShut, match="until a fix is verified"):
        compartments.shred("C-000007", None, NOW + timedelta(days=9999))
    with pytest.raises(StaysShut, match=due.isoformat()[:10]):
        compartments.shred("C-000007", NOW, due - timedelta(seconds=1))
    assert compartments.shred("C-000007", NOW, due).key.startswith("key_")
    for one, gone in ((kept, True), (other, False)):
        request = KeyRequest(
            "key-1", KeyAction.OPEN_EXPLOIT, one.cluster.lower(), f"sha256:{one.address}", "per-ana", NOW
        )
        votes = [vote(request, "per-ben"), vote(request, "per-eva")]
        if gone:
            with pytest.raises(KeyGone):
                compartments.open(one, request, votes, NOW)
        else:
            assert compartments.open(one, request, votes, NOW).reveal() == b"other"
