"""Names for generated programs: themes, words and one case style a program, all drawn.

Nothing here says what a function does to memory, so that a name never gives a site away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


THEMES: Mapping[str, str] = MappingProxyType(
    {
        "depot": "pallet crate shelf dock truck gate lane aisle order parcel label scale ramp bay stack hoist",
        "weather": "gauge mast front cloud gust frost drift pressure vane station squall cell rain dew sonde bulletin",
        "railway": "wagon signal block switch platform siding train route crew yard brake timetable axle tunnel points",
        "library": "shelf loan volume reader branch folio index copy title author notice fine stack card lectern",
        "kitchen": "recipe oven tray batch dough spice kettle menu plate pantry timer broth ladle crust skillet",
        "museum": "exhibit gallery label visitor guide vault canvas loan frame statue archive wing ticket relic",
        "harbour": "berth tug buoy cargo tide pilot quay anchor crane hull ferry lock mooring channel beacon",
        "orchard": "row tree crate graft bloom ladder press cider frost hive orchardist basket season sapling",
        "studio": "track take reel mixer cue channel loop chorus bar tempo patch fader stem master preset",
        "survey": "stake level contour parcel bench ridge slope chain plot azimuth datum sketch marker transect",
        "clinic": "ward bed chart visit sample shift intake referral dose round roster triage slip consult",
        "theatre": "scene cue prop curtain rig seat row act usher script stage wing lamp costume trapdoor",
        "fleet": "van depot stop driver route meter tyre fuel shift bay trip dispatch lane trailer odometer",
        "garden": "bed border hedge seed frame pot path pond vine trellis mulch cutting bulb terrace spade",
        "post": "letter stamp box round sack counter van sorter label parcel tray route window franking",
        "brewery": "mash kettle cask hop malt vat batch filter cellar keg label tank yeast wort bottling",
    }
)
VERBS = _words(
    "note apply admit record take enter post settle revise adjust track book sort call plan file merge move "
    "handle accept store update review assign register list mark tell change arrange"
)
_EXTRA = _words("north south early late spare first outer inner upper lower daily local remote second main side open")

# Names of locals by what they hold; one is drawn for each place, so that equal shapes read differently.
ROLES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "buffer": _words("buf tmp room box store copy line cells area block image page"),
        "length": _words("m take span width part extent portion run amount"),
        "limit": _words("want need room_for declared given top ask"),
        "index": _words("k at pos slot which idx where spot"),
        "counter": _words("i j c it step"),
        "count": _words("num items times rows reps tally"),
        "value": _words("v val item figure x cur unit"),
        "total": _words("acc sum mixed total gathered whole"),
        "used": _words("used filled done out fill_pos"),
    }
)
_CASES = ("snake", "camel", "pascal")


class Namer:
    """Hands out identifiers that are unique in one program and follow its case style."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.theme = draw.choice(tuple(THEMES))
        self.nouns = draw.shuffled(sorted(set(THEMES[self.theme].split())))
        self._case = draw.choice(_CASES)
        self._used: set[str] = set()

    def join(self, *words: str) -> str:
        """The words as one identifier in the program's case style."""
        if self._case == "snake":
            return "_".join(words)
        head = words[0] if self._case == "camel" else words[0].capitalize()
        return head + "".join(word.capitalize() for word in words[1:])

    def fresh(self, *words: str) -> str:
        """An identifier from these words, made unique by one more word or a number."""
        name = self.join(*words)
        while name in self._used:
            name = self.join(*words, self._draw.choice(_EXTRA) + str(self._draw.between(2, 99)))
        self._used.add(name)
        return name

    def function(self) -> str:
        """A verb and a noun of the theme."""
        return self.fresh(self._draw.choice(VERBS), self._draw.choice(self.nouns))

    def member(self) -> str:
        """A name for something that outlives one call: a member of the state or a table of a file."""
        return self.fresh(self._draw.choice(self.nouns), self._draw.choice(_EXTRA))

    def local(self, *roles: str) -> tuple[str, ...]:
        """Different local names, one for each role."""
        taken: list[str] = []
        for role in roles:
            taken.append(self._draw.choice([name for name in ROLES[role] if name not in taken]))
        return tuple(taken)
