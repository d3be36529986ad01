"""Opening the doors: Django is set up once a process; which installation is served is told here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from seatrial.portal.settings import PortalSettings, django_settings

if TYPE_CHECKING:
    from seatrial.custody.home import CustodyHome
    from seatrial.house import House


class Installed(Protocol):
    """An installation: the house, and custody beside it."""

    @property
    def house(self) -> House:
        """Rows, record, and the acts on them."""
        ...

    @property
    def custody(self) -> CustodyHome:
        """Leases, sealed records and receipts; a page asks it for states and figures, never for content."""
        ...


_serving: list[Installed] = []
_place: list[PortalSettings] = []


def set_up(place: PortalSettings) -> None:
    """Set Django up for a portal; before an installation is opened, since both share one Django.

    Raises:
        RuntimeError: Django was set up before for something else in this process.
    """
    import django  # noqa: PLC0415 - set up when a portal opens, never by importing the package

    if settings.configured and not _place:
        raise RuntimeError("the portal is opened first in its process; storage has set Django up without it")
    _place[:] = [place]
    if not settings.configured:
        settings.configure(**django_settings(place))
        django.setup(set_prefix=False)


def place() -> PortalSettings:
    """The settings of this portal."""
    return _place[0]


def serve(installed: Installed) -> None:
    """Serve this installation from now on."""
    _serving[:] = [installed]


def installation() -> Installed:
    """The installation that is served.

    Raises:
        RuntimeError: none is.
    """
    if not _serving:
        raise RuntimeError("no installation is served; call seatrial.portal.opening.serve first")
    return _serving[0]


def house() -> House:
    """Its house."""
    return installation().house
