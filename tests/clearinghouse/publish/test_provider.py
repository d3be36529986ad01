"""The provider directory: its audit, its metadata, its digests, and what has no place in it."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
from csaf import audit_tree
from csaf._distribute import validate_feed

from seatrial.clearinghouse.publish import NotExpressible, OpenPgpKey, Provider, csaf_2_0, csaf_2_1, directory
from seatrial.framework.data_class import Tlp
from support.advisories import AT, large, small

HOUSE = Provider("House", "https://findings.example", "https://findings.example/csaf")
DOCUMENTS = [
    csaf_2_1(large()),
    csaf_2_0(small(id="SC-2026-0007", tlp=Tlp.TLP_CLEAR)),
    csaf_2_1(small(tlp=Tlp.TLP_GREEN)),
]


@pytest.mark.parametrize("documents", [DOCUMENTS, DOCUMENTS[:1], []])
def test_the_tree_passes_its_audit(documents: list[dict[str, object]], tmp_path: Path) -> None:
    """The audit of package `csaf` reads the columns of `changes.csv` the other way round than the standard has them."""
    directory(documents, HOUSE, at=AT, timestamp_first=True).write(tmp_path)
    for folder in ("white", "green"):
        if (tmp_path / folder).is_dir():
            result = audit_tree(str(tmp_path / folder))
            assert (result.violations, result.errors) == ([], [])
    directory(documents, HOUSE, at=AT).write(tmp_path)
    with (tmp_path / "white/changes.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert [row[0] for row in rows] == (tmp_path / "white/index.txt").read_text().split()
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


def test_every_document_has_its_digests_and_is_linked_from_the_feed(tmp_path: Path) -> None:
    made = directory(DOCUMENTS, HOUSE, at=AT)
    made.write(tmp_path)
    feed = json.loads(made.files["white/csaf-feed-tlp-clear.json"])["feed"]
    assert {entry["id"] for entry in feed["entry"]} == {"SC-2026-0042", "SC-2026-0007"}
    for entry in feed["entry"]:
        path = tmp_path / entry["content"]["src"].removeprefix("https://findings.example/csaf/")
        for algorithm in ("sha256", "sha512"):
            digest, name = Path(f"{path}.{algorithm}").read_text().split()
            assert (digest, name) == (hashlib.new(algorithm, path.read_bytes()).hexdigest(), path.name)
        assert {link["rel"] for link in entry["link"]} == {"self", "hash"}
        assert json.loads(path.read_bytes()) in DOCUMENTS


def test_metadata_is_valid_and_trusted_only_where_everything_is_signed(tmp_path: Path) -> None:
    key = OpenPgpKey("A" * 40, "https://findings.example/csaf/openpgp/key.asc")
    signer = Provider(HOUSE.name, HOUSE.namespace, HOUSE.url, key=key)
    ids = [document["document"]["tracking"]["id"] for document in DOCUMENTS]
    for provider, signed, role in (
        (HOUSE, ids, "csaf_provider"),
        (signer, ids[:1], "csaf_provider"),
        (signer, ids, "csaf_trusted_provider"),
    ):
        made = directory(
            DOCUMENTS, provider, at=AT, signatures=dict.fromkeys(signed, b"-----BEGIN PGP SIGNATURE-----\n")
        )
        made.write(tmp_path)
        assert validate_feed(str(tmp_path / "provider-metadata.json"), "provider") == (True, [])
        metadata = json.loads(made.files["provider-metadata.json"])
        assert metadata["role"] == role
        assert sum(path.endswith(".asc") for path in made.files) == len(signed)


def test_what_is_not_for_everybody_has_no_place() -> None:
    for tlp in (Tlp.TLP_AMBER, Tlp.TLP_AMBER_STRICT, Tlp.TLP_RED):
        with pytest.raises(NotExpressible, match="has no place"):
            directory([csaf_2_1(small(tlp=tlp))], HOUSE, at=AT)
    with pytest.raises(NotExpressible, match="two documents have this name"):
        directory([csaf_2_1(small(id=id_, tlp=Tlp.TLP_CLEAR)) for id_ in ("a.b", "A_b")], HOUSE, at=AT)
