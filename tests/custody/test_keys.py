"""Known answers of the key scheme, and what a secret and a key directory give away: nothing."""

from __future__ import annotations

import copy
import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.custody.developer_half import HalfAwaited, SuppliedHalf
from seatrial.custody.file_keys import FileKeyHolder, HalfFiles, UnsafeDirectory
from seatrial.custody.keys import (
    CustodyError,
    KeyGone,
    KeyScope,
    MemoryKeyHolder,
    Purpose,
    kek,
    key_id,
    unwrap_under,
    wrap_under,
)
from seatrial.custody.seal import NotThisSeal, seal, unseal
from seatrial.custody.secret import Secret
from seatrial.custody.vault import MemoryKeyTable, Vault
from support.sealed import HOUR, NOW, OTHER, SUBMISSION

DEVELOPER, GOVERNMENT, DEK = (Secret(bytes(range(start, start + 32))) for start in (0x00, 0x20, 0x40))
KEY = key_id("key_000102030405060708090a0b0c0d0e0f")
SCOPE = KeyScope(SUBMISSION, Purpose.RECORDS)
SOURCES = Path(__file__).parents[2] / "src" / "seatrial"

REVEALS = {
    "custody/credential.py": 3,
    "custody/deposit.py": 1,
    "custody/developer_half.py": 1,
    "custody/half_door.py": 1,  # written into the developer's own file
    "custody/keys.py": 4,
    "custody/lease.py": 2,
    "custody/records.py": 1,
    "custody/seal.py": 2,
    "cli/custody.py": 1,  # the lease token, into its file
    "evaluation/submission.py": 4,  # the lease token, as the API key of the evaluation, and for the lease's own facts
    "cli/remote_submission.py": 1,  # the endpoint's key, on its way to custody's door
    "portal/api/custody.py": 2,  # tokens of one use for custody's doors, shown once to whoever asked for them
    "portal/pages/model_access.py": 2,  # the same
    "evaluation/endpoint_sanity.py": 1,  # the same, for the first questions
}
"""Where keys, credentials and lease tokens are read, and how often."""

NEIGHBOURS = {
    *("chunk_seal", "gateway", "inference", "upload", "upload_client", "upload_store", "upstream", "weights"),
    *("cli/gateway", "cli/weights"),
}
"""Modules that forward with the key, or seal and serve weights, or print a token once; a new one is entered here."""


def test_the_key_of_both_halves_is_the_known_one() -> None:
    assert kek(DEVELOPER, GOVERNMENT, KEY).hex() == "00660cc071dbfc97e8f2594376b16be4ebdde092540544df56b0dc7fe11e4dd6"


def test_the_wrapped_key_is_the_known_one() -> None:
    wrapped = wrap_under(DEVELOPER, GOVERNMENT, KEY, DEK)
    assert wrapped.hex() == "ef5a2dd94e06b45be6c6ddc09b69561a9580c5d1106722cd2319bbd80927d2aa22f495649a23c50b"
    assert unwrap_under(DEVELOPER, GOVERNMENT, KEY, wrapped) == DEK
    with pytest.raises(CustodyError):
        unwrap_under(GOVERNMENT, DEVELOPER, KEY, wrapped)


def test_only_listed_places_read_a_secret() -> None:
    found = {
        str(path.relative_to(SOURCES)): count
        for path in SOURCES.rglob("*.py")
        if path.name != "secret.py" and (count := path.read_text().count(".reveal()"))
    }
    others = {name for name in found if name.removesuffix(".py").removeprefix("custody/") in NEIGHBOURS}
    assert {name: count for name, count in found.items() if name not in others} == REVEALS


def test_a_secret_shows_in_no_text_and_leaves_by_no_copy() -> None:
    secret = Secret(b"canary-secret")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>30}", repr([secret]), repr({"a": secret})]
    assert not any("canary" in text for text in shown)
    assert not hasattr(secret, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(secret)
    assert secret != Secret(b"other")
    with pytest.raises(TypeError):
        hash(secret)


def test_a_key_directory_is_private_and_its_files_too(tmp_path: Path) -> None:
    halves = HalfFiles(tmp_path / "keys")
    holder = FileKeyHolder(halves)
    key = holder.create(SCOPE)
    [path] = list((tmp_path / "keys").iterdir())
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert halves.count() == 1
    holder.destroy(key)
    assert halves.count() == 0
    with pytest.raises(CustodyError):
        halves.make(key)
    with pytest.raises(ValueError, match="key_"):
        holder.exists("../../etc/passwd")  # type: ignore[arg-type]


def test_a_key_directory_that_others_read_or_a_backup_copies_is_refused(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o750)
    with pytest.raises(UnsafeDirectory, match="chmod 700"):
        HalfFiles(loose)
    with pytest.raises(UnsafeDirectory, match="never backed up"):
        HalfFiles(tmp_path / "backup" / "keys", backups=[tmp_path / "backup"])
    (tmp_path / "link").symlink_to(tmp_path / "backup")
    with pytest.raises(UnsafeDirectory):
        HalfFiles(tmp_path / "link" / "keys", backups=[tmp_path / "backup"])


def test_a_supplied_half_lasts_its_term_and_is_never_taken_again_once_dropped() -> None:
    half = SuppliedHalf()
    vault = Vault(MemoryKeyHolder(), half, MemoryKeyTable())
    with pytest.raises(HalfAwaited):
        vault.create(SCOPE, NOW)
    half.supply(KEY, DEVELOPER, NOW + HOUR)
    assert half.get(KEY, NOW) == DEVELOPER
    with pytest.raises(HalfAwaited):
        half.get(KEY, NOW + HOUR)
    half.supply(KEY, DEVELOPER, NOW + HOUR)
    assert half.drop(KEY)
    with pytest.raises(KeyGone):
        half.get(KEY, NOW)
    with pytest.raises(KeyGone):
        half.supply(KEY, DEVELOPER, NOW + HOUR)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200), st.integers(0), st.integers(0, 7))
def test_any_flipped_bit_of_sealed_bytes_is_refused(plain: bytes, place: int, bit: int) -> None:
    sealed = seal(DEK, SCOPE, plain, label="a")
    assert unseal(DEK, SCOPE, sealed, label="a").reveal() == plain
    flipped = bytearray(sealed)
    flipped[place % len(sealed)] ^= 1 << bit
    with pytest.raises(NotThisSeal):
        unseal(DEK, SCOPE, bytes(flipped), label="a")


@pytest.mark.parametrize(
    ("dek", "scope", "label"),
    [
        (DEVELOPER, SCOPE, "a"),
        (DEK, KeyScope(OTHER, Purpose.RECORDS), "a"),
        (DEK, KeyScope(SUBMISSION, Purpose.CREDENTIALS), "a"),
        (DEK, SCOPE, "b"),
    ],
)
def test_what_is_sealed_opens_nowhere_else(dek: Secret, scope: KeyScope, label: str) -> None:
    sealed = seal(DEK, SCOPE, b"plain", label="a")
    with pytest.raises(NotThisSeal):
        unseal(dek, scope, sealed, label=label)
    with pytest.raises(NotThisSeal):
        unseal(DEK, SCOPE, sealed[:27], label="a")


def test_ids_that_could_be_paths_are_refused() -> None:
    for text in ("key_" + "A" * 32, "key_../" + "0" * 29, "sub_" + "0" * 32, "key_" + "0" * 32 + "\n"):
        with pytest.raises(ValueError, match="form"):
            key_id(text)
    for purpose, upload in ((Purpose.WEIGHTS, ""), (Purpose.RECORDS, "up_" + "0" * 32)):
        with pytest.raises(ValueError, match="upload"):
            KeyScope(SUBMISSION, purpose, upload)
    assert os.sep not in KEY
