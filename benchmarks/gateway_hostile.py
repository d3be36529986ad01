"""Hostile requests against a real gateway: none may reach the endpoint, none may be told its key, host or owner.

    python benchmarks/gateway_hostile.py [--requests 10000] [--seed 1]

Each request is written as raw bytes on a socket of its own, so that nothing of a client's library tidies it up. Kinds:
wrong, foreign and doubled leases; replays of leases that are revoked, over or spent; paths with every trick of
encoding, those of the lease's own page among them; smuggled bodies and injected headers; strange hosts; bodies that two
readers read differently; fields and parts that escape the budget; oversized and slow ones (few: they take time).
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from seatrial.custody.budget import Call, Reservation
from support.custody import LIMITS, MODEL, OWNER, Served, gateway
from support.providers import KEY, provider

PATH = "/v1/chat/completions"
BODY = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}
ANSWER_S = 1.0
"""A request that is refused is answered at once; one that never ends is given up after this."""
TRICKS = (
    "/v1/chat/../chat/completions", "/v1//chat/completions", "/v1/chat/completions/", "/v1/chat%2Fcompletions",
    "/v1/%63hat/completions", "/V1/chat/completions", "/v1/chat/completions%00", "/v1/chat/completions;x=1",
    "/v1/chat/completions?key=1", "/v1/chat/completions?%00", "/v1/files", "/v1/batches", "/v1/fine_tuning/jobs",
    "/v1/embeddings", "/v1/organization/api_keys", "/v1/messages", f"/v1beta/models/{MODEL}:generateContent",
    "http://evil.example/v1/chat/completions", "//evil.example/v1/chat/completions", "/v1/chat/completions#x",
    "/..;/v1/chat/completions", "/v1/chat/completions%23", "/./v1/chat/completions", "/v1/chat\\completions",
    "/v1/chat/completions%20", "*", "/v1/models/../chat/completions", "/%2e%2e/v1/chat/completions",
)  # fmt: skip
LEASE_TRICKS = (
    "/lease/", "/lease?lease=lea_00000000000000000000000000000002", "/lease/lea_00000000000000000000000000000002",
    "/lease%00", "/Lease", "//lease", "/v1/lease", "/lease/../lease", "/lease;x", "/leases", "/lease#x", "/lease%2f",
)  # fmt: skip
HOSTS = (
    "\u2460\u2461\u2466.0.0.1", "\uff45\uff56\uff49\uff4c.example", "l\u043ecalhost", "localhost\u3002evil.example",
    "localhost,evil.example", "localhost@evil.example", "user:pass@localhost", "localhost/path", "localhost:99999999",
    "[::1", "[::ffff:127.0.0.1]]", "localhost\u00ad", "lo calhost", "localhost\t.evil.example", "%6cocalhost",
    "localhost#", "localhost?", "", "'", "\U0001f480",
)  # fmt: skip
FIELDS: tuple[dict[str, object], ...] = (
    {"model": "m-2"}, {"model": [MODEL]}, {"model": f"{MODEL} "}, {"model": MODEL.upper()}, {"model": None},
    {"max_tokens": None}, {"max_tokens": -1}, {"max_tokens": 10**12}, {"max_tokens": "20"}, {"max_tokens": 2.5},
    {"max_tokens": True}, {"n": 10**9}, {"n": -5}, {"Max_Tokens": 9}, {"MODEL": "m-2"}, {"maxTokens": 9},
    {"web_search_options": {}}, {"plugins": [{"id": "web"}]}, {"tools": [{"type": "mcp", "server_url": "http://x"}]},
    {"tools": [{"type": "web_search"}]}, {"tools": {"type": "function"}, "data_sources": []},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA"}}]}]},
    {"messages": [{"role": "assistant", "audio": {"id": "a-1"}}]}, {"messages": "hello", "prediction": {}},
    {"service_tier": "priority"}, {"modalities": ["text", "audio"]}, {"prediction": {"type": "content"}},
    {"api_base": "http://evil.example"}, {"extra_headers": {"a": "b"}}, {"base_url": "http://evil.example"},
)  # fmt: skip
RAW_BODIES = (
    b'{"model": "m-1", "model": "m-2", "max_tokens": 5, "messages": []}',
    b'{"model": "m-2", "max_tokens": 5, "messages": [], "model": "m-1"}',
    b'{"model": "m-1", "max_tokens": 5, "max_tokens": 99999, "messages": []}',
    b'{"model": "m-1", "max_tokens": NaN, "messages": []}',
    b'{"model": "m-1", "max_tokens": 5, "messages": [], }',
    b'\xef\xbb\xbf{"model": "m-1", "max_tokens": 5, "messages": []}',
    '{"model": "m-1", "max_tokens": 5, "messages": []}'.encode("utf-16"),
    b'{"model": "m-1", "max_tokens": 5, "messages": []} {"model": "m-2"}',
    b"[" * 50_000,
    b'{"a":' * 20_000,
    b'["m-1"]', b"null", b"", b"\x00", b'"m-1"', b'{"model": "m-1", "max_tokens": ' + b"9" * 6000 + b"}",
    b'{"model": "m-1\xff", "max_tokens": 5, "messages": []}',
)  # fmt: skip

Maker = Callable[[random.Random, Served, dict[str, str]], bytes]


def head(token: str, *lines: str, path: str = PATH, method: str = "POST", version: str = "HTTP/1.1") -> str:
    """A request's head without its length."""
    kept = ["content-type: application/json", f"authorization: Bearer {token}", "host: localhost", "connection: close"]
    return "\r\n".join([f"{method} {path} {version}", *kept, *lines])


def with_body(text: str, body: bytes) -> bytes:
    """The head with its length, and the body."""
    return f"{text}\r\ncontent-length: {len(body)}\r\n\r\n".encode("latin-1") + body


def plain(**changes: object) -> bytes:
    """A body, changed."""
    return json.dumps({**BODY, **changes}).encode()


def wrong_lease(chance: random.Random, served: Served, tokens: dict[str, str]) -> bytes:
    """A lease that is none, is another's, or holds no more."""
    good = served.token
    place = chance.randrange(len(good))
    flipped = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
    token = chance.choice(
        [flipped, good[: chance.randrange(len(good))], good + "x", good.swapcase(), "", KEY, "null", "x" * 4000,
         good.replace("lea_0", "lea_1", 1), tokens["judge"], tokens["training"], tokens["foreign"]]
    )  # fmt: skip
    return with_body(head(token), plain())


def replayed(chance: random.Random, _: Served, tokens: dict[str, str]) -> bytes:
    """A request that was good once, under a lease that is revoked, over, spent or not begun."""
    token = tokens[chance.choice(["revoked", "expired", "spent", "early"])]
    if chance.random() < 0.2:
        return with_body(head(token, path=chance.choice(["/lease", "/v1/models"]), method="GET"), b"")
    return with_body(head(token), plain())


def path_trick(chance: random.Random, served: Served, _: dict[str, str]) -> bytes:
    """A path that is not in the list."""
    method = chance.choice(["POST", "POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post"])
    path = chance.choice((*TRICKS, *LEASE_TRICKS) if method != "GET" else (PATH, *LEASE_TRICKS))
    return with_body(head(served.token, path=path, method=method), plain())


def smuggled(chance: random.Random, served: Served, tokens: dict[str, str]) -> bytes:
    """A head that two readers frame or understand differently."""
    body, inner = plain(), with_body(head(served.token, path="/v1/files"), b"{}")
    token, other = served.token, tokens["revoked"]
    kinds = [
        with_body(head(token, "transfer-encoding: chunked"), b"0\r\n\r\n" + inner),
        with_body(head(token, "transfer-encoding: identity, chunked"), body),
        with_body(head(token, "transfer-encoding : chunked"), body),
        with_body(head(token, "Transfer-Encoding: xchunked"), body),
        with_body(head(token, f"content-length: {len(body) + 7}"), body),
        with_body(head(token, f"authorization: Bearer {other}"), body),
        with_body(head(token, f"x-api-key: {token}"), body),
        with_body(head(token, "content-type: text/plain"), body),
        with_body(head(token, "content-encoding: gzip"), body),
        with_body(head(token, "host: 169.254.169.254"), body),
        with_body(head(token, "a: b\r\n folded: c"), body).replace(b"a: b", b"a: b\x00"),
        with_body(head(token, "x" * 20_000 + ": 1"), body),
        with_body(head(token, version="HTTP/9.9"), body),
        with_body(head(token), body).replace(b"\r\n", b"\n", 2).replace(b"Bearer ", b"Bearer\t"),
        with_body(head(token).replace("application/json", "multipart/form-data"), body),
        with_body(head(token).replace("Bearer", chance.choice(["Basic", "Token", "Bearer:", "", "Bearer  "])), body),
        head(token, "transfer-encoding: chunked").encode() + b"\r\n\r\nZZ\r\n" + body,
        head(token, "content-length: -5").encode() + b"\r\n\r\n" + body,
        head(token, "content-length: +5").encode() + b"\r\n\r\n" + body,
        head(token, "content-length: 99999999999").encode() + b"\r\n\r\n" + body,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + body,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        chance.randbytes(chance.randrange(1, 300)),
    ]
    return chance.choice(kinds)


def injected(chance: random.Random, served: Served, tokens: dict[str, str]) -> bytes:
    """Heads and bodies that carry a second head in themselves."""
    token, old, body = served.token, tokens["revoked"], plain()
    coded = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n"
    chunked = head(token, "transfer-encoding: chunked").encode() + b"\r\n\r\n"
    kinds = [
        with_body(head(token, f"accept: */*\r\nauthorization: Bearer {old}"), body),
        with_body(head(token, f"accept: */*\rx-api-key: {token}\r\nx-api-key: {token}"), body),
        with_body(head(f"{token}\r\n x-api-key: {token}"), body),
        with_body(head(f"{token}\nhost: evil.example"), body),
        with_body(head(token, "accept: a\x00b"), body),
        with_body(head(token, "accept: a\rcontent-length: 0"), body),
        with_body(head(token, "content-length : 3"), body),
        with_body(head(token, "content\tlength: 3"), body),
        with_body(head(token, f"content-length: 3, {len(body)}"), body),
        with_body(head(token, ": empty"), body),
        with_body(head(token, path=f"{PATH} HTTP/1.1\r\nauthorization: Bearer {old}\r\nx:"), body),
        with_body(head(token, path=f"{PATH}\r\nx: y"), body),
        with_body(head(token, path=f"{PATH}\t/v1/files"), body),
        chunked.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n") + coded + b"\r\n",
        chunked.replace(b"chunked", b"chunked, identity") + coded + b"\r\n",
        chunked.replace(b" chunked", b" \x0bchunked") + coded + b"\r\n",
        chunked.replace(b"chunked", b"gzip, chunked") + coded + b"\r\n",
        chunked + b"0x" + coded + b"\r\n",
        chunked + b"-" + coded + b"\r\n",
        chunked + b"f" * 40 + b"\r\n" + body,
        chunked.replace(token.encode(), old.encode()) + coded + f"authorization: Bearer {token}\r\n\r\n".encode(),
        with_body(head(old), body + with_body(head("x"), body)),
    ]  # fmt: skip
    return chance.choice(kinds)


def strange_host(chance: random.Random, served: Served, _: dict[str, str]) -> bytes:
    """A host in other letters, with another's name in it, or in the request line."""
    host = chance.choice(HOSTS)
    if chance.random() < 0.3:
        text = head(served.token, path=f"http://{host}{PATH}")
        return with_body("", plain()).replace(b"\r\n", text.encode() + b"\r\n", 1)
    text = head(served.token).replace("host: localhost", f"host: {host}")
    return with_body("", plain()).replace(b"\r\n", text.encode() + b"\r\n", 1)


def bad_body(chance: random.Random, served: Served, _: dict[str, str]) -> bytes:
    """A body that is refused before anything is reserved."""
    if chance.random() < 0.3:
        return with_body(head(served.token), chance.choice(RAW_BODIES))
    return with_body(head(served.token), plain(**chance.choice(FIELDS)))


def oversized(chance: random.Random, served: Served, _: dict[str, str]) -> bytes:
    """A body beyond every bound of the lease, as stated or as sent."""
    stated = chance.choice([65 * 1024 * 1024, 10**15])
    return head(served.token, f"content-length: {stated}").encode() + b"\r\n\r\n" + b"{" * 1000


KINDS: tuple[tuple[Maker, int], ...] = (
    (wrong_lease, 20), (replayed, 10), (path_trick, 18), (smuggled, 12), (injected, 12), (strange_host, 6),
    (bad_body, 20), (oversized, 2),
)  # fmt: skip


def hostile(seed: int, count: int, served: Served) -> Iterator[tuple[str, bytes]]:
    """`count` requests, by kind and as bytes; equal seeds give equal requests."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    tokens = {
        "revoked": served.issue(90),
        "expired": served.issue(91, not_before=now - timedelta(2), expires=now - timedelta(1)),
        "early": served.issue(92, not_before=now + timedelta(hours=1), expires=now + timedelta(hours=2)),
        "spent": served.issue(96, limits=replace(LIMITS, max_requests=1)),
        "judge": served.issue(93, purpose="judge", content_owners=None),
        "training": served.issue(94, purpose="train"),
        "foreign": served.issue(95, submission="sub_" + "6" * 32),
    }
    served.leases.revoke(f"lea_{90:032x}", now)
    spent = served.leases.reserve(f"lea_{96:032x}", Call(MODEL, 1, 1), now)
    if isinstance(spent, Reservation):
        served.leases.settle(spent.id, None, now)
    makers, weights = zip(*KINDS, strict=True)
    for _ in range(count):
        maker = chance.choices(makers, weights)[0]
        yield maker.__name__, maker(chance, served, tokens)


def told(address: tuple[str, int], request: bytes, *, slow: bool = False) -> bytes:
    """Everything that the gateway says to a request."""
    said = bytearray()
    with socket.create_connection(address, timeout=ANSWER_S) as connection:
        try:
            if slow:
                for byte in request[:40]:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.4)
            else:
                connection.sendall(request)
            while chunk := connection.recv(65536):
                said += chunk
        except OSError:
            pass
    return bytes(said)


def attack(seed: int, count: int, slow: int = 0) -> tuple[Counter[str], int, int]:
    """Send them all: answers by kind and status, how many reached the endpoint, how many were told a secret."""
    tally: Counter[str] = Counter()
    with provider("openai") as there, gateway(there) as served:
        host, _, port = served.url.removeprefix("http://").partition(":")
        address = (host, int(port))
        secrets = (KEY.encode(), OWNER.encode(), there.url.removeprefix("http://").encode(), served.token.encode())
        leaked = 0

        def one(item: tuple[str, bytes]) -> tuple[str, bytes]:
            return item[0], told(address, item[1], slow=item[0] == "slow")

        if not told(address, with_body(head(served.token), plain())).startswith(b"HTTP/1.1 200") or not there.requests:
            raise SystemExit("a good request of this form does not go through: the figures would say nothing")
        there.requests.clear()
        requests = [*hostile(seed, count, served), *[("slow", with_body(head(served.token), plain()))] * slow]
        with ThreadPoolExecutor(16) as threads:
            for kind, said in threads.map(one, requests):
                tally[f"{kind} {said[9:12].decode('latin-1') or 'closed'}"] += 1
                leaked += any(secret in said for secret in secrets)
        return tally, len(there.requests), leaked


def main() -> None:
    """Print the tally."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    tally, reached, leaked = attack(given.seed, given.requests, slow=16)
    for name, number in sorted(tally.items()):
        print(f"{number:>7}  {name}")
    print(
        f"{given.requests} requests in {time.monotonic() - began:.0f} s: {reached} reached the endpoint, {leaked} leaks"
    )
    sys.exit(reached + leaked > 0)


if __name__ == "__main__":
    main()
