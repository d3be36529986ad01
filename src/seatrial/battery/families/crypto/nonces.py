"""Nonces that are not used once: ECDSA signatures and a stream cipher."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto import curve
from seatrial.battery.families.crypto.handout import records, sealing, signing
from seatrial.battery.families.crypto.scheme import Drawn, Technique
from seatrial.battery.families.crypto.solve.delivered import opened

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.crypto.scheme import Files, Fresh, Streams
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style

_SIGNATURES = (2, 8, 200, 400, 2000)
_SIGNERS = (1, 1, 12, 8, 10)
_SIGNING_WORDS = ("signing", "sign", "private", "nonce", "message", "sealing_key", "multiply", "add")


@dataclass(frozen=True)
class Signed:
    """Signatures of several signers in the order in which they were made, and a text for one of them."""

    style: Style
    signers: tuple[curve.Point, ...]
    signatures: tuple[tuple[int, str, int, int], ...]  # signer, message, r, s
    private: int

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Signers, signatures, the sealed text and the program."""
        number = self.style.number
        table = {
            "signers": [{"x": number(x), "y": number(y)} for x, y in self.signers],
            "signatures": [
                {"signer": signer, "message": message, "r": number(r), "s": number(s)}
                for signer, message, r, s in self.signatures
            ],
            "sealed": self.style.octets(sealing.seal(signing.sealing_key(self.private), fresh("nonce", 16), secret)),
        }
        return {
            self.style.word("signatures") + ".json": self.style.table(table),
            self.style.word("signing") + ".py": self.style.source("signing", _SIGNING_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """Open the text with the private number."""
        sealed = view.octets(view.table("signatures")["sealed"])
        return opened(signing.sealing_key(self.private), sealed) or b""


def _signatures(streams: Streams, rung: int, style: Style) -> Drawn:
    beyond = max(0, rung - 5)
    count = _SIGNATURES[rung - 1] if rung <= 5 else min(2000 + 250 * beyond, 4000)
    draw = streams("signers")
    privates = [draw.between(1, signing.ORDER - 1) for _ in range(_SIGNERS[min(rung, 5) - 1])]
    target = draw.below(len(privates))
    order = streams("order")
    # The weak signer takes part at least six times, so that a relation between its nonces shows and can be confirmed.
    mine = min(count, max(6, count // len(privates)))
    signers = order.shuffled([target] * mine + [place % len(privates) for place in range(count - mine)])
    messages = streams("messages")
    texts = [f"order {messages.below(10**9):09d} amount {messages.below(10**6)}" for _ in signers]
    own = [place for place, signer in enumerate(signers) if signer == target]
    sound = [curve.rfc6979_nonce(privates[s], text.encode()) for s, text in zip(signers, texts, strict=True)]
    weak = dict(zip(own, _weak_nonces(streams("nonces"), rung, len(own)), strict=True))
    public = tuple(curve.multiples(privates))

    def signed(nonces: list[int]) -> Signed:
        xs = curve.affine_x(nonces)
        made = tuple(
            (signer, text, *curve.sign(privates[signer], nonce, x, text.encode()))
            for signer, text, nonce, x in zip(signers, texts, nonces, xs, strict=True)
        )
        return Signed(style, public, made, privates[target])

    knobs = {"signatures": count, "signers": len(privates), "relation": min(rung, 5)}
    faulty = signed([weak.get(place, nonce) for place, nonce in enumerate(sound)])
    return Drawn(knobs, faulty, signed(sound), {})


def _weak_nonces(draw: Draw, rung: int, count: int) -> list[int]:
    """One nonce twice; from rung 4 on a constant step; from rung 5 on a linear recurrence, all modulo the order."""
    order = signing.ORDER
    if rung < 4:
        nonces = [draw.between(1, order - 1) for _ in range(count)]
        first, second = draw.sample(range(count), 2)
        nonces[first] = nonces[second]
        return nonces
    factor = 1 if rung == 4 else draw.between(2, order - 1)
    step, nonce = draw.between(1, order - 1), draw.between(1, order - 1)
    nonces = []
    for _ in range(count):
        nonces.append(nonce or 1)
        nonce = (factor * nonce + step) % order
    return nonces


_RECORDS = (4, 12, 60, 150, 400)
_HIDDEN_NONCE_FROM = 4  # rung from which nonces are no longer sent beside the records
_RECORD_WORDS = (
    *("records", "record", "kind", "number", "stamp", "nonce", "text", "lr4", "encrypt_block", "decrypt_block"),
    *("encrypt_chain", "decrypt_chain", "header", "beat", "letter", "load", "stream", "encrypt", "BEAT", "LOAD"),
    *("LETTER", "secret", "filler"),
)


@dataclass(frozen=True)
class Recorded:
    """Records under one key; `nonces` says which record has which."""

    style: Style
    key: bytes
    lines: tuple[tuple[int, int, int, bytes], ...]  # kind, number, stamp, content of a load
    nonces: tuple[bytes, ...]
    shown: bool

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """All records encrypted, and the programs."""
        table = []
        for (kind, number, stamp, content), nonce in zip(self.lines, self.nonces, strict=True):
            if kind == records.LETTER:
                text = records.letter(number, stamp, secret, fresh("filler", 32))
            elif kind == records.BEAT:
                text = records.beat(number, stamp)
            else:
                text = records.load(number, stamp, content)
            line: dict[str, object] = {"kind": kind, "number": number, "stamp": stamp}
            if self.shown:
                line["nonce"] = self.style.octets(nonce)
            table.append(line | {"text": self.style.octets(records.encrypt(self.key, nonce, text))})
        return {
            self.style.word("records") + ".json": self.style.table({"records": table}),
            self.style.word("records") + ".py": self.style.source("records", _RECORD_WORDS),
            self.style.word("lr4") + ".py": self.style.source("lr4", _RECORD_WORDS),
        }

    def recover(self, view: Delivered) -> bytes:
        """Decrypt the letter with key and nonce."""
        place = next(place for place, line in enumerate(self.lines) if line[0] == records.LETTER)
        text = view.octets(view.table("records")["records"][place]["text"])
        return records.encrypt(self.key, self.nonces[place], text)[16:32]


def _records(streams: Streams, rung: int, style: Style) -> Drawn:
    count = _RECORDS[rung - 1] if rung <= 5 else 400 + 100 * (rung - 5)
    draw = streams("records")
    kinds = [records.BEAT if draw.chance(1, 2) else records.LOAD for _ in range(count)]
    mine, partner = draw.sample(range(count), 2)
    kinds[mine], kinds[partner] = records.LETTER, records.BEAT
    stamp = 1_900_000_000 + draw.below(10**7)
    lines = []
    for place, kind in enumerate(kinds):
        stamp += draw.between(1, 900)
        lines.append((kind, 1000 + place, stamp, draw.bytes(48) if kind == records.LOAD else b""))
    nonces: list[bytes] = [draw.bytes(8) for _ in range(count)]
    sound = Recorded(style, streams("key").bytes(32), tuple(lines), tuple(nonces), rung < _HIDDEN_NONCE_FROM)
    nonces[mine] = nonces[partner]
    knobs = {"records": count, "nonce_hidden": int(rung >= _HIDDEN_NONCE_FROM)}
    return Drawn(knobs, replace(sound, nonces=tuple(nonces)), sound, {})


ECDSA_NONCE = Technique(
    id="ecdsa-nonce",
    cwe=323,
    solver="nonces",
    words=("signatures", "signers", "signer", "message", "r", "s", "x", "y", "sealed", *_SIGNING_WORDS),
    telling="`{signatures}.json` lists signers (points of P-256), their ECDSA signatures as in `{signing}.py`, and a "
    "text sealed for one of them with `sealing.py` under `sealing_key` of its private number. A nonce was used twice. "
    "The sealed text is the 16 bytes.",
    neutral="`{signatures}.json` lists points under `{signers}`, what `{sign}` of `{signing}.py` made of messages "
    "under `{signatures}` in the order of making (`{signer}` counts from 0), and under `{sealed}` the 16 bytes "
    "as sealed by `sealing.py` under `{sealing_key}` of the private number of one of them.",
    hints=(
        "One signer's nonces are not independent.",
        "They repeat, or each follows from the one before by the same step or the same linear rule.",
        "Each signature gives its nonce as a linear function of the private number; write the relation down and solve.",
    ),
    draw=_signatures,
)
STREAM_REUSE = Technique(
    id="stream-reuse",
    cwe=323,
    solver="nonces",
    words=_RECORD_WORDS,
    telling="`{records}.json` lists encrypted records (`{records}.py`, cipher in `{lr4}.py`, counter mode, one key). A "
    "nonce was used for two of them. The 16 bytes are the content of the record of kind 3 (LETTER).",
    neutral="`{records}.json` lists what `{encrypt}` of `{records}.py` made of texts under one key. The 16 bytes "
    "follow the first 16 of the only text of `{kind}` 3.",
    hints=(
        "Two of the records should not have the keystream that they have.",
        "The record of kind 3 and one of kind 1 have the same nonce, whether it is shown or not.",
        "Every record's first 16 bytes are known, so equal keystreams can be found; a record of kind 1 is known whole.",
    ),
    draw=_records,
    needs=("lr4",),
)
TECHNIQUES = (ECDSA_NONCE, STREAM_REUSE)
