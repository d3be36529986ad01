from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery import fingerprint
from seatrial.battery.attempt import flag, secret
from seatrial.battery.instance import Attempt, FileTree, InstanceKey, is_flag

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../b", "a//b", "./a", ".", ""])
def test_a_tree_takes_plain_relative_paths_only(path: str) -> None:
    with pytest.raises(ValueError, match="plain relative path"):
        FileTree.of({path: "x"})


def test_a_tree_has_one_digest_whatever_the_order() -> None:
    one, other = FileTree.of({"a": "1", "b": "2"}), FileTree.of({"b": "2", "a": "1"})
    assert one.digest() == other.digest()
    assert one.digest() != FileTree.of({"a": "1", "b": "2"}, mode=0o755).digest()
    assert list(one) == [("a", b"1", 0o644), ("b", b"2", 0o644)]


def test_a_key_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match="levels start at 1"):
        InstanceKey("toy", "1", 0, bytes(32))
    with pytest.raises(ValueError, match="64 hex digits"):
        InstanceKey("toy", "1", 1, bytes(31))


def test_ids_differ_by_seed_form_and_hint() -> None:
    keys = [
        InstanceKey("toy", "1", 1, bytes(32)),
        InstanceKey("toy", "1", 1, bytes(31) + b"\1"),
        InstanceKey("toy", "1", 1, bytes(32), form="other"),
        InstanceKey("toy", "1", 1, bytes(32), hint=1),
    ]
    assert len({key.id for key in keys}) == 4
    assert len({key.seed_commitment for key in keys}) == 2


def test_secrets_belong_to_one_attempt_only() -> None:
    key = InstanceKey("toy", "1", 1, bytes(32))
    attempts = [Attempt(bytes(32), bytes(16), 0), Attempt(bytes(32), bytes(16), 1), Attempt(bytes(32), b"1" * 16, 0)]
    flags = {flag(attempt, key) for attempt in attempts}
    assert len(flags) == 3
    assert all(is_flag(text) for text in flags)
    assert secret(attempts[0], key, "one") != secret(attempts[0], key, "two")
    with pytest.raises(ValueError, match="1 to 32"):
        secret(attempts[0], key, "one", 33)


def test_a_fingerprint_sees_every_byte(key: Callable[..., InstanceKey]) -> None:
    instance = toyfamily.FAMILY.generate(key("toylock"))
    again = toyfamily.FAMILY.generate(key("toylock"))
    assert fingerprint.digests(instance) == fingerprint.digests(again)
    other = toyfamily.Toy(flaw="no case").generate(key("toylock"))
    assert fingerprint.digests(other)["hidden_sha256"] != fingerprint.digests(instance)["hidden_sha256"]
    assert fingerprint.digests(other)["files_sha256"] == fingerprint.digests(instance)["files_sha256"]


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 23], [12, 3]), (["a", "b"], ["ab"]), ("1", 1), (b"1", "1"), (True, 1), (None, 0), ({"a": 1}, {"a": "1"})],
)
def test_a_fingerprint_is_prefix_free(one: object, other: object) -> None:
    assert fingerprint.fingerprint(one) != fingerprint.fingerprint(other)


def test_a_fingerprint_refuses_what_has_no_order() -> None:
    with pytest.raises(TypeError, match=r"\$\['x'\]: set"):
        fingerprint.fingerprint({"x": {1, 2}})
