"""Signed notes, checkpoints, policies and tiles: known answers, and strictness about every byte."""

from __future__ import annotations

import pytest

from seatrial.ledger import merkle
from seatrial.ledger.checkpoint import Checkpoint, read_checkpoint
from seatrial.ledger.errors import LedgerError, Malformed, NotVerified
from seatrial.ledger.note import CosignatureSigner, LogSigner, Note, cosigned_at, read_signer, read_verifier
from seatrial.ledger.policy import Policy
from seatrial.ledger.tiles import Tile, read_tile, tiled_nodes, tiles
from support.ledger import LOG_SIGNER, WITNESS_SIGNER, Reference, event, memory_log

ENTRY = (
    b'{"actor":{"as":"psd_101112131415161718191a1b1c1d1e1f","role":"developer"},"at":"2026-11-23T10:00:00Z","ids":{},'
    b'"kind":"submission.withdrawn","nonce":"202122232425262728292a2b2c2d2e2f","nums":{},"refs":{},'
    b'"stream":"sub_000102030405060708090a0b0c0d0e0f","v":1}'
)
LOG_LINE = (
    "— seatrial.example/log "
    "2qho6POiYZhlME76HjBOAg0yHzBXN4sWMiMiL6gzFxvjRi+2rpABYm/gvKy6+hbo+aHL4sxlLQr3GxZw32G4+JgUlwk=\n"
)
WITNESS_LINE = (
    "— witness.example/w1 "
    "IDJKvgAAAABrBA6gxkpd3bNWt0qSGNFmsZWFOOkCKqjvAT6yBBzpVd6nLOZ04S7s5cwFBht9x0YDd5vLtM53VjlEj2zygYByta+iDg==\n"
)
LOG_KEY = "seatrial.example/log+daa868e8+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
PUBLISHED_NOTE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)


def known_checkpoint() -> Checkpoint:
    return Checkpoint("seatrial.example/log", 1, merkle.leaf_hash(ENTRY))


def test_the_known_key_and_signatures() -> None:
    text = known_checkpoint().text

    assert LOG_SIGNER.verifier.text == LOG_KEY
    assert LOG_SIGNER.sign(text).line == LOG_LINE
    assert WITNESS_SIGNER.sign(text, 1795428000).line == WITNESS_LINE
    note = Note.parse(f"{text}\n{LOG_LINE}{WITNESS_LINE}".encode())
    assert list(note.signed_by([LOG_SIGNER.verifier, WITNESS_SIGNER.verifier])) == [
        LOG_SIGNER.verifier,
        WITNESS_SIGNER.verifier,
    ]
    assert cosigned_at(note.signatures[1].signature) == 1795428000


def test_the_note_of_the_specification_is_read_and_written_again() -> None:
    note = Note.parse(PUBLISHED_NOTE.encode())

    assert note.encode() == PUBLISHED_NOTE.encode()
    assert note.text.endswith("\n\ned è subito sera.\n")
    assert note.signatures[0].name == "quasimodo.example/salvatore"


def test_keys_are_read_back() -> None:
    assert read_verifier(LOG_KEY + "\n") == LOG_SIGNER.verifier
    for signer in (LOG_SIGNER, WITNESS_SIGNER):
        again = read_signer(signer.secret_text)
        assert type(again) is type(signer)
        assert again.verifier == signer.verifier
        assert signer.secret_text not in repr(signer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        LOG_KEY.replace("daa868e8", "daa868e9"),
        LOG_KEY.replace("log+", "lag+"),
        LOG_KEY[:-1] + "5",
        "name+00000000+",
        LOG_KEY.replace("+AQ", "+AG"),
        LOG_KEY.replace("seatrial", "sea trial"),
    ],
)
def test_a_damaged_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_verifier(text)
    with pytest.raises(Malformed):
        read_signer(text)


def test_any_flipped_bit_of_a_signed_checkpoint_is_refused() -> None:
    note = known_checkpoint().signed(LOG_SIGNER)
    assert read_checkpoint(note, LOG_SIGNER.verifier) == known_checkpoint()
    for at in range(len(note)):
        for bit in range(8):
            bad = note[:at] + bytes([note[at] ^ (1 << bit)]) + note[at + 1 :]
            with pytest.raises((Malformed, NotVerified)):
                read_checkpoint(bad, LOG_SIGNER.verifier)


def test_unknown_lines_are_kept_and_a_known_key_must_be_right() -> None:
    stranger = LogSigner.from_seed("stranger.example", bytes(32))
    note = Note.parse(known_checkpoint().signed(LOG_SIGNER)).with_lines(stranger.sign("another text\n"))

    assert Note.parse(note.encode()) == note
    assert len(note.signed_by([LOG_SIGNER.verifier])) == 1
    with pytest.raises(NotVerified, match=r"stranger\.example"):
        note.signed_by([LOG_SIGNER.verifier, stranger.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "log\n1\n",
        "log\n01\n" + "A" * 43 + "=\n",
        "log\n-1\n" + "A" * 43 + "=\n",
        "log\n9223372036854775808\n" + "A" * 43 + "=\n",
        "log\n1\nAAAA\n",
        "log\n1\n" + "A" * 42 + "B=\n",
        "log\n1\n" + "A" * 43 + "=\n\nmore\n",
        "\n1\n" + "A" * 43 + "=\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


def test_extension_lines_of_other_logs_are_kept() -> None:
    text = known_checkpoint().text + "extension\n"
    assert Checkpoint.parse(text).text == text


def test_a_policy_counts_each_witness_once() -> None:
    keys = [CosignatureSigner.from_seed(f"w{n}.example", bytes([n]) * 32) for n in range(5)]
    lines = [f"witness X{n} {keys[n].verifier.text} https://w{n}.example/" for n in range(3)]
    lines += [f"witness Y{n} {keys[n].verifier.text}" for n in (3, 4)]
    lines += ["group X 2 X0 X1 X2", "# a comment", "\tgroup Y any Y3  Y4", "group both all X Y", "quorum both"]
    policy = Policy.parse("\n".join([f"log {LOG_KEY}", *lines, ""]).encode())
    text = known_checkpoint().text

    def met(*signers: int) -> bool:
        return policy.quorum_met(Note(text, tuple(keys[n].sign(text, 7) for n in signers)))

    assert policy.logs == (LOG_SIGNER.verifier,)
    assert policy.urls[keys[0].verifier.text] == "https://w0.example/"
    assert met(0, 2, 4)
    assert met(0, 1, 2, 3, 4)
    assert not met(0, 3, 4)
    assert not met(0, 1, 2)
    assert not met()


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["quorum none", "quorum none"],
        ["quorum W"],
        ["group G any W", "quorum G"],
        ["WITNESS", "group G 2 W", "quorum G"],
        ["WITNESS", "group G 0 W", "quorum G"],
        ["WITNESS", "group G all none", "quorum none"],
        ["WITNESS", "group G all", "quorum none"],
        ["WITNESS", "group G any W W", "quorum G"],
        ["WITNESS", "group G any W", "group H any W", "quorum H"],
        ["WITNESS", "WITNESS", "quorum W"],
        ["WITNESS", "group W any W", "quorum W"],
        ["LOG", "LOG", "quorum none"],
        ["log WRONG", "quorum none"],
        ["witness W LOGKEY", "quorum W"],
        ["quorum none extra"],
        ["unknown", "quorum none"],
        ["quorum none\r"],
    ],
)
def test_what_is_no_policy(lines: list[str]) -> None:
    known = {"WITNESS": f"witness W {WITNESS_SIGNER.verifier.text}", "LOG": f"log {LOG_KEY}"}
    text = "\n".join(known.get(line, line.replace("LOGKEY", LOG_KEY)) for line in lines)
    with pytest.raises(Malformed, match="policy"):
        Policy.parse(text.encode())


def test_the_tiles_of_the_specification() -> None:
    listed = list(tiles(70_000))

    assert [str(tile) for tile in listed if tile.width < 256] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert sum(tile.level == 0 and tile.width == 256 for tile in listed) == 273
    assert [str(tile) for tile in tiles(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert str(Tile(0, 1_234_067)) == "tile/0/x001/x234/067"
    assert all(Tile.parse(str(tile)) == tile for tile in listed)


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        *["tile/0/001/000", "tile/entries/000", "tile/0/000/", "../tile/0/000", "tile/0/\u0660\u0660\u0660"],
    ],
)
def test_what_is_no_tile(path: str) -> None:
    with pytest.raises(Malformed):
        Tile.parse(path)


def test_an_outsider_computes_roots_and_proofs_from_tiles_alone() -> None:
    log = memory_log()
    made = [event(seed) for seed in range(600)]
    log.append(made)
    with log.store.reading() as tx:
        served = {tile: read_tile(tx.node, 600, tile) for tile in tiles(600)}
        with pytest.raises(LedgerError, match="not in a tree"):
            read_tile(tx.node, 600, Tile(0, 2, 89))
    nodes, reference = tiled_nodes(served.__getitem__, 600), Reference([one.entry for one in made])

    assert merkle.root(nodes, 600) == reference.mth(0, 600)
    assert list(merkle.inclusion_path(nodes, 511, 600)) == reference.path(511, 0, 600)
    assert merkle.consistency_path(nodes, 300, 600) == log.consistency(300, 600)
