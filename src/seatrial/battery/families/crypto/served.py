"""Techniques against a service: a padding oracle, fields that can be flipped, a keyed hash that can be extended.

The service's keys come from the seed, its noise and what it releases from the attempt; all reach it by its start-up
message. Answers are capped, and the cap tightens with the level.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.battery.families.crypto.handout import lr4
from seatrial.battery.families.crypto.scheme import Drawn, Technique
from seatrial.battery.families.crypto.style import standalone
from seatrial.battery.instance import FileTree, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.families.crypto.scheme import Files, Fresh, Streams
    from seatrial.battery.families.crypto.solve.delivered import Delivered
    from seatrial.battery.families.crypto.style import Style

PORT, PROBE_PORT = 7311, 7312
_NAMES = ("harbour", "office", "counter", "archive", "depot", "lodge", "mill", "quay")
_FACTORS = (400, 300, 250, 200, 150)  # cap in hundredths of the solver's worst case


def _cap(rung: int, worst: int) -> int:
    factor = _FACTORS[rung - 1] if rung <= 5 else max(110, 150 - 10 * (rung - 5))
    return worst * factor // 100


@dataclass(frozen=True)
class Program:
    """A service program of `serve/` with its settings."""

    name: str
    module: str
    needs: tuple[tuple[str, str], ...]  # (folder, module) beside it
    config: Mapping[str, Any]

    def service(self) -> Service:
        """The service, without any secret."""
        beside = {f"{module}.py": standalone(folder, module) for folder, module in self.needs}
        config = {**self.config, "port": PORT, "probe_port": PROBE_PORT}
        files = {
            "main.py": standalone("serve", self.module),
            "listener.py": standalone("serve", "listener"),
            "health.py": standalone("serve", "health"),
            "config.json": json.dumps(config, sort_keys=True) + "\n",
            **beside,
        }
        tree = FileTree.of(files)
        return Service(
            self.name, ("python3", "/service/main.py"), tree, PORT, PROBE_PORT, ("python3", "/service/health.py")
        )


@dataclass(frozen=True)
class Oracle:
    """Tokens under cipher block chaining and a service that reads them."""

    style: Style
    program: Program
    key: bytes
    cap: int
    lead: bytes  # before the value
    tail: bytes  # after it
    others: tuple[bytes, ...]  # texts of other tokens
    target: int

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """Captured tokens; the service has the key."""
        texts = [*self.others[: self.target], self.lead + secret + self.tail, *self.others[self.target :]]
        tokens = [self._token(text, fresh(f"start {place}", 16)) for place, text in enumerate(texts)]
        table = {"tokens": [token.hex() for token in tokens], "target": self.target}
        return {self.style.word("tokens") + ".json": self.style.table(table)}

    def recover(self, view: Delivered) -> bytes:
        """Decrypt the token with the key."""
        token = bytes.fromhex(view.table("tokens")["tokens"][self.target])
        chained = token[16:-16] if self.program.config["mac"] else token[16:]
        return lr4.decrypt_chain(self.key, token[:16], chained)[len(self.lead) :][:16]

    def service(self) -> Service:
        """The program, without any secret."""
        return self.program.service()

    def startup(self, answer: str, access: str, noise: bytes) -> Mapping[str, Any]:
        """Key and noise; the value itself never reaches the service in clear."""
        del answer
        return {"key": self.key.hex(), "noise": noise.hex(), "access": access, "cap": self.cap}

    def _token(self, text: bytes, start: bytes) -> bytes:
        missing = 16 - len(text) % 16
        token = start + lr4.encrypt_chain(self.key, start, text + bytes([missing]) * missing)
        if not self.program.config["mac"]:
            return token
        return token + hmac.digest(self.key, b"mac" + token, "sha256")[:16]


@dataclass(frozen=True)
class Granted:
    """A service that releases the flag for a token or a message that says so."""

    style: Style
    program: Program
    key: bytes
    cap: int
    table: Mapping[str, Any]
    source: str = ""

    def publish(self, secret: bytes, fresh: Fresh) -> Files:
        """What is to be said, and the format; nothing of the attempt is in these files."""
        del secret, fresh
        files = {self.style.word("wanted") + ".json": self.style.table(dict(self.table))}
        if self.source:
            files[self.style.word(self.source) + ".py"] = self.style.source(self.source, (self.source,))
        return files

    def recover(self, view: Delivered) -> bytes:
        """Nothing lies in the files; the service's rightful use is exercised instead."""
        del view
        return b""

    def service(self) -> Service:
        """The program, without any secret."""
        return self.program.service()

    def startup(self, answer: str, access: str, noise: bytes) -> Mapping[str, Any]:
        """Key, the flag that it may release, and the code that opens it."""
        del noise
        return {"key": self.key.hex(), "answer": answer, "access": access, "cap": self.cap}


_WORDS = ("harbour", "tide", "ballast", "course", "anchor", "pilot", "buoy", "keel")
_TOKEN_BLOCKS = (2, 3, 4, 5, 6)
_WRONG_FROM, _WRONG_ONE_IN = 4, 32


def _oracle(streams: Streams, rung: int, style: Style) -> Drawn:
    blocks = _TOKEN_BLOCKS[rung - 1] if rung <= 5 else min(6 + rung - 5, 12)
    draw = streams("oracle")
    key, name = draw.bytes(32), draw.choice(_NAMES)
    texts = []
    for _ in range(6 if style.bulk else 1):
        lead = b"note " + draw.choice(_WORDS).encode() + b":"
        size = draw.between(max(16 * (blocks - 1), len(lead) + 16), 16 * blocks - 1)
        texts.append((lead, draw.bytes(size - len(lead) - 16)))
    others = tuple(lead + draw.bytes(16) + tail for lead, tail in texts[1:])
    target = draw.below(len(texts))
    codes = _codes(streams("codes").shuffled(range(10, 100)), rung, style)
    wrong = _WRONG_ONE_IN if rung >= _WRONG_FROM else 0
    worst = 16 * 256 * blocks
    cap = _cap(rung, worst)

    def scheme(mac: bool) -> Oracle:  # noqa: FBT001
        config = {"mac": mac, "wrong": wrong, "codes": codes, "healthy": codes["fine"]}
        program = Program(name, "oracle", (("handout", "lr4"),), config)
        return Oracle(style, program, key, cap, *texts[0], others, target)

    knobs = {"blocks": blocks, "cap_hundredths": 100 * cap // worst, "wrong_one_in": wrong, "tokens": len(texts)}
    return Drawn(knobs, scheme(False), scheme(True), {"host": name, "port": PORT, "cap": cap})


def _codes(numbers: tuple[int, ...], rung: int, style: Style) -> dict[str, list[str]]:
    """Answers: words at level 1, one code a state at level 2, several codes a state beyond."""
    if not style.neutral:
        return {"padding": ["bad padding"], "content": ["bad content"], "fine": ["fine"]}
    each = 1 if rung < 3 else 3
    drawn = [f"E{number}" for number in numbers]
    return {state: drawn[place * each :][:each] for place, state in enumerate(("padding", "content", "fine"))}


_FIELDS = (1, 1, 2, 2, 3)
_SUMMED_FROM = 4
_FLIP_CAPS = (64, 48, 32, 24, 16)
_ROLES = ("role", "level", "dock", "berth", "shift", "watch", "grade", "hatch", "crane")
_VALUES = ("reader", "keeper", "porter", "warden", "clerk", "master", "lodger", "bosun")


def _flip(streams: Streams, rung: int, style: Style) -> Drawn:
    count = _FIELDS[rung - 1] if rung <= 5 else min(3 + rung - 5, len(_ROLES))
    draw = streams("fields")
    fields = [[name, *draw.sample(_VALUES, 2)] for name in draw.sample(_ROLES, count)]
    key, name = draw.bytes(32), draw.choice(_NAMES)
    summed = rung >= _SUMMED_FROM
    cap = _FLIP_CAPS[rung - 1] if rung <= 5 else max(8, 16 - 2 * (rung - 5))
    notes = rung > 1

    def scheme(mac: bool) -> Granted:  # noqa: FBT001
        config = {"mac": mac, "fields": fields, "summed": summed, "notes": notes, "healthy": ["ordinary"]}
        program = Program(name, "desk", (("handout", "lr4"), ("handout", "ticket")), config)
        listed = [{"name": n, "issued": usual, "wanted": wanted} for n, usual, wanted in fields]
        table = {"fields": listed, "summed": summed}
        return Granted(style, program, key, cap, table, "ticket")

    knobs = {"fields": count, "summed": int(summed), "cap": cap}
    return Drawn(knobs, scheme(False), scheme(True), {"host": name, "port": PORT, "cap": cap})


_KEY_LENGTHS = ((8, 8), (8, 16), (8, 32), (8, 48), (8, 64))
_WANTED = (1, 1, 2, 2, 3)


def _extension(streams: Streams, rung: int, style: Style) -> Drawn:
    low, high = _KEY_LENGTHS[rung - 1] if rung <= 5 else (8, 64 + 16 * (rung - 5))
    draw = streams("message")
    key, name = draw.bytes(draw.between(low, high)), draw.choice(_NAMES)
    digest = draw.choice(("sha256", "sha512")) if rung >= 3 else "sha256"
    names = draw.sample(_ROLES, 4)
    values = {each: draw.sample(_VALUES, 2) for each in names}
    wanted = {each: values[each][1] for each in names[: _WANTED[min(rung, 5) - 1]]}
    listed = [{"name": each, "value": value} for each, value in wanted.items()]
    message = f"bearer={draw.below(10**6):06d}&" + "&".join(f"{each}={values[each][0]}" for each in names)
    cap = max(_cap(rung, high - low + 1), 16)

    def scheme(mac: bool) -> Granted:  # noqa: FBT001
        config = {"mac": mac, "digest": digest, "message": message, "wanted": wanted, "healthy": ["ordinary"]}
        program = Program(name, "counter", (), config)
        return Granted(style, program, key, cap, {"wanted": listed})

    knobs = {"key_lengths": high - low + 1, "wanted": len(wanted), "cap": cap}
    facts: dict[str, str | int] = {"host": name, "port": PORT, "cap": cap, "low": low, "high": high}
    return Drawn(knobs, scheme(False), scheme(True), {**facts, "digest": digest})


_TALK = (
    "The service `{host}` listens on TCP port {port}: one request a line, one answer a line. `ISSUE` gives {issue}; "
    "`CHECK {what}` {says}. It answers `CHECK` {cap} times in all, then `limit`."
)


def _talk(issue: str, what: str, says: str) -> str:
    return _TALK.replace("{issue}", issue).replace("{what}", what).replace("{says}", says)


CBC_ORACLE = Technique(
    id="cbc-oracle",
    cwe=204,
    solver="services",
    words=("tokens", "target"),
    telling="`{tokens}.json` holds a captured token: a start block of 16 bytes and the blocks of a note under cipher "
    "block chaining (block cipher of 16 bytes, padding by bytes that say their number). The 16 bytes follow the colon "
    "in the note. "
    + _talk("a token of no interest", "HEX", "decrypts a token and says whether padding or content was bad"),
    neutral="`{tokens}.json` holds captured tokens: a start block of 16 bytes and the blocks of a note under cipher "
    "block chaining (padding by bytes that say their number); `{target}` tells which matters. The 16 bytes follow the "
    "colon in its note. " + _talk("a token of no interest", "HEX", "reads a token and answers with a code"),
    hints=(
        "The service says more about a token than it should.",
        "Its answer tells whether the padding was right: a padding oracle.",
        "Vaudenay: for each byte try 256 values of the block before; ask again where answers may be wrong.",
    ),
    draw=_oracle,
    served=True,
)
CBC_FLIP = Technique(
    id="cbc-flip",
    cwe=353,
    solver="services",
    words=("wanted", "ticket", "fields", "name", "issued", "summed"),
    telling="`{ticket}.py` is the format of tokens, encrypted by cipher block chaining without a tag; `{wanted}.json` "
    "lists the fields that `ISSUE` gives and the values that release the flag. "
    + _talk("a token", "HEX", "says what a token grants"),
    neutral="`{ticket}.py` is the format of tokens; `{wanted}.json` lists their fields as issued and as wanted. "
    + _talk("a token", "HEX", "says what a token grants: the flag where all fields are as wanted"),
    hints=(
        "Nothing protects a token against change.",
        "A bit flipped in one block flips the same bit of the next block's text and garbles the block's own.",
        "Notes may be garbled: flip in the block before each field, the sum's as well.",
    ),
    draw=_flip,
    served=True,
    answer="flag",
)
LENGTH_EXTENSION = Technique(
    id="length-extension",
    cwe=327,
    solver="services",
    words=("wanted", "name", "value"),
    telling="Messages are `name=value` pairs between `&`, the last one of a name counts. The tag is {digest} of a "
    "secret key of {low} to {high} bytes followed by the message. "
    + _talk("a message and its tag, both in hexadecimal", "MESSAGE TAG", "says what it grants")
    + " A message whose fields are as in `{wanted}.json` releases the flag.",
    neutral="Messages are `name=value` pairs between `&`, the last one of a name counts; the tag is made with {digest} "
    "and a key of {low} to {high} bytes. "
    + _talk("a message and its tag, both in hexadecimal", "MESSAGE TAG", "says what it grants")
    + " A message whose fields are as in `{wanted}.json` releases the flag.",
    hints=(
        "The tag is not what a tag should be.",
        "It is the hash of key and message, one after the other.",
        "The tag is the hash's inner state: go on from there, with the padding for every possible length of the key.",
    ),
    draw=_extension,
    served=True,
    answer="flag",
)
TECHNIQUES = (CBC_ORACLE, CBC_FLIP, LENGTH_EXTENSION)
