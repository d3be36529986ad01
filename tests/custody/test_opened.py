"""Plain weights in memory: who removes them, when, and what is left alone."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.opened import NotRemoved, OpenedPlaces, holds, watch
from support.sealed import HOUR, NOW, OTHER, SUBMISSION, Stores, lease

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.custody.opened import Place

UPLOAD = "upl_" + "3" * 32
MANIFEST = "commit:" + "4" * 64


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores("sqlite", tmp_path)


@pytest.fixture
def places(stores: Stores) -> OpenedPlaces:
    return OpenedPlaces(stores.file)


def opened(places: OpenedPlaces, stores: Stores, name: str = "w", submission: str = SUBMISSION) -> Place:
    """A directory with a file in it, under a lease of its own."""
    made, _ = lease(submission=submission)
    stores.leases.issue(made, NOW)
    directory = stores.folder / name
    directory.mkdir()
    place = places.enter(UPLOAD, submission, made.id, MANIFEST, directory, NOW)
    (directory / "sub").mkdir()
    (directory / "sub" / "w.safetensors").write_bytes(b"plain" * 1000)
    (directory / "sub" / "w.safetensors").chmod(0o400)
    return place


def kinds(stores: Stores) -> list[str]:
    return [row[0] for row in stores.file.connection().execute("SELECT kind FROM owed_entry ORDER BY id")]


def test_what_a_killed_process_left_goes_with_its_lease(places: OpenedPlaces, stores: Stores) -> None:
    mine, other = opened(places, stores), opened(places, stores, "o", OTHER)
    assert places.remove_over(stores.leases, NOW) == 0
    stores.leases.end_scope(SUBMISSION, NOW)
    assert places.remove_over(stores.leases, NOW) == 1
    assert (mine.directory.exists(), other.directory.exists()) == (False, True)
    assert [place.number for place in places.still()] == [other.number]
    assert places.remove_over(stores.leases, NOW + 24 * HOUR) == 1
    assert kinds(stores) == ["lease.issued", "lease.issued", "lease.revoked", "weights.ended", "weights.ended"]


def test_a_withdrawal_removes_all_of_its_submission_and_of_no_other(places: OpenedPlaces, stores: Stores) -> None:
    mine, other = [opened(places, stores, name) for name in "ab"], opened(places, stores, "o", OTHER)
    assert places.remove_all(SUBMISSION, NOW) == 2
    assert places.remove_all(SUBMISSION, NOW) == 0
    assert not any(place.directory.exists() for place in mine)
    assert other.directory.exists()


def test_a_later_directory_of_the_same_name_is_left_alone(places: OpenedPlaces, stores: Stores) -> None:
    place = opened(places, stores)
    place.directory.rename(stores.folder / "kept so that its number is not given again")
    place.directory.mkdir()
    (place.directory / "somebody's").write_text("mine")
    places.remove(place, NOW)
    assert (place.directory / "somebody's").read_text() == "mine"
    assert places.still() == ()


def test_a_process_that_has_the_weights_mapped_loses_them_as_well(places: OpenedPlaces, stores: Stores) -> None:
    place = opened(places, stores)
    with (place.directory / "sub" / "w.safetensors").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        places.remove(place, NOW)
        assert mapped.size() == 0
        assert file.read() == b""


def test_what_cannot_be_removed_is_said_and_stays_known(
    places: OpenedPlaces, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(places, stores, "a"), opened(places, stores, "b")
    remove = OpenedPlaces.remove

    def failing(self: OpenedPlaces, place: Place, now: object) -> None:
        if place.number == first.number:
            raise NotRemoved("a: plain weights could not be removed")
        remove(self, place, now)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenedPlaces, "remove", failing)
    with pytest.raises(NotRemoved, match="could not be removed"):
        places.remove_all(SUBMISSION, NOW)
    assert not second.directory.exists()
    assert [place.number for place in places.still(SUBMISSION)] == [first.number]


@pytest.mark.parametrize("by_lease", [True, False])
def test_the_process_that_holds_them_looks_every_second(
    places: OpenedPlaces, stores: Stores, *, by_lease: bool
) -> None:
    place, waited = opened(places, stores), []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        assert place.directory.exists()
        if len(waited) == 3 and by_lease:
            stores.leases.revoke(place.lease, NOW)
        return len(waited) == 3 and not by_lease

    assert watch(places, stores.leases, place, now=lambda: NOW, wait=wait) is by_lease
    assert waited == [1.0] * 3
    assert not place.directory.exists()


def test_a_pause_leaves_what_is_open_and_an_unknown_lease_holds_nothing(places: OpenedPlaces, stores: Stores) -> None:
    place = opened(places, stores)
    stores.leases.suspend_scope(SUBMISSION, NOW)
    assert holds(stores.leases, place.lease, NOW)
    assert not holds(stores.leases, "lea_" + "9" * 32, NOW)
    assert not holds(stores.leases, place.lease, NOW + 24 * HOUR)
