"""A developer's own signature: verified with an agreed key, false for other files or another key, never assumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from seatrial.custody.model_signature import SignatureFalse, Verdict, look_at_signature


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "w.safetensors").write_bytes(b"weights" * 1000)
    (made / "config.json").write_text("{}")
    return made


def signed(model: Path, private: Path) -> None:
    import model_signing  # noqa: PLC0415 - an optional extra

    config = model_signing.signing.Config().use_elliptic_key_signer(private_key=private)
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[model / "model.sig"], ignore_git_paths=True)
    config.set_hashing_config(hashing).sign(model, model / "model.sig")


def test_no_bundle_is_said_and_nothing_follows(model: Path) -> None:
    assert look_at_signature(model).verdict is Verdict.ABSENT


def test_a_bundle_without_an_agreed_key_is_not_looked_at(model: Path) -> None:
    (model / "model.sig").write_text("{}")
    assert look_at_signature(model).verdict is Verdict.NOT_LOOKED_AT


def test_a_bundle_is_verified_with_the_agreed_key(model: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path, "lab")
    signed(model, private)
    assert look_at_signature(model, public_key=public).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("fault", ["changed", "added", "removed", "other key", "garbage", "empty"])
def test_other_files_another_key_or_no_bundle_at_all_is_false(model: Path, tmp_path: Path, fault: str) -> None:
    private, public = key_pair(tmp_path, "lab")
    signed(model, private)
    if fault == "changed":
        (model / "w.safetensors").write_bytes(b"weights" * 999 + b"WEIGHTS")
    elif fault == "added":
        (model / "more.py").write_text("import os")
    elif fault == "removed":
        (model / "config.json").unlink()
    elif fault == "other key":
        public = key_pair(tmp_path, "other")[1]
    else:
        (model / "model.sig").write_text("" if fault == "empty" else "{]")
    with pytest.raises(SignatureFalse, match=r"model\.sig"):
        look_at_signature(model, public_key=public)
