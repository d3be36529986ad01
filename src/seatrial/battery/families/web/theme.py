"""The drawn world of a service: whose it is, what it keeps, who uses it, and unique names for everything in it.

Every name is taken from a pool once, so that no two tables, paths or functions of a service are called alike. The
words are ours and plain; none of them says what a page is for in the sense of the battery.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files as resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

_KINDS = (
    *("seed library", "boat yard", "clock museum", "choir society", "map archive", "walking club", "tool library"),
    *("orchard trust", "kite club", "lighthouse friends", "mill society", "beekeepers' guild", "puppet theatre"),
    *("allotment union", "railway friends", "fossil circle", "bell ringers", "herb garden", "rowing club"),
)
_STEMS = (
    *("Alder", "Ash", "Brack", "Brom", "Carr", "Cold", "Dun", "Ebb", "Elm", "Fen", "Gorse", "Hal", "Hazel", "Hob"),
    *("Kel", "Lark", "Linden", "Mar", "Mel", "Nor", "Oak", "Pen", "Quill", "Red", "Rook", "Sel", "Thorn", "Wen"),
)
_ENDS = ("beck", "bridge", "bury", "combe", "dale", "ford", "ham", "holm", "ley", "mere", "moor", "ness", "ton", "wick")
_FIRST = (
    *("Ada", "Anouk", "Bela", "Cato", "Dora", "Edda", "Femi", "Greta", "Hanno", "Ines", "Jory", "Kaya", "Lene", "Milo"),
    *("Nadia", "Odo", "Pia", "Quinn", "Rosa", "Sami", "Tilda", "Ugo", "Vera", "Wim", "Yara", "Zeno"),
)
_LAST = (
    *("Abel", "Brandt", "Corvi", "Dahl", "Eriks", "Falk", "Grau", "Holt", "Ilves", "Jansen", "Kern", "Lund", "Moor"),
    *("Nagy", "Olsen", "Petri", "Quist", "Rask", "Sand", "Thal", "Ursin", "Vogel", "Weiss", "Zander"),
)
_THINGS = (
    *("plant", "boat", "book", "map", "tool", "room", "course", "recipe", "song", "walk", "lantern", "kite", "clock"),
    *("stamp", "fossil", "bell", "hive", "barrel", "ladder", "bench", "mask", "drum", "loom", "rope", "kettle"),
    *("saddle", "wheel", "sail", "print", "lens", "basket", "button", "candle", "flute", "globe", "jar"),
)
_QUALITIES = ("spare", "old", "lent", "lost", "rare", "small", "blue", "new", "heavy", "early", "late", "open")
_TRAITS = {
    "place": ("attic", "barn", "cellar", "east wing", "hall", "loft", "shed", "yard"),
    "colour": ("amber", "brown", "green", "grey", "ochre", "red", "violet", "white"),
    "origin": ("Bergen", "Cadiz", "Delft", "Ghent", "Lucca", "Riga", "Tartu", "Ulm"),
    "state": ("fair", "good", "mended", "new", "used", "worn"),
    "season": ("spring", "summer", "autumn", "winter"),
    "maker": ("Amsel", "Birke", "Dohle", "Esche", "Fink", "Linde", "Meise", "Weide"),
}
_WORDS = (
    *("amber", "birch", "cedar", "dune", "ember", "fern", "grove", "heron", "iris", "juniper", "kestrel", "lupin"),
    *("maple", "nettle", "otter", "poplar", "quartz", "raven", "sorrel", "teal", "umber", "violet", "willow", "yarrow"),
)
_DESKS = (
    *("workshop", "annex", "gallery", "pantry", "tower", "cloister", "stable", "granary", "orangery", "boathouse"),
    *("gatehouse", "vestry", "foundry", "parlour", "scullery", "belfry", "studio", "armoury", "dairy", "smithy"),
    *("lodge", "cottage", "chapel", "pavilion", "kiln", "forge", "depot", "library", "bindery", "press"),
)
_KEEPS = (
    *("keepsakes", "sealings", "watchwords", "entrustments", "tallies", "countersigns", "charters", "bonds"),
    *("covenants", "deposits", "signets", "pledges", "warrants", "legacies", "heirlooms", "mementos", "muniments"),
    *("envelopes", "parcels", "caskets", "lockers", "coffers", "chests", "strongboxes", "drawers", "satchels"),
)
_PHRASES = ("phrase", "wording", "legend", "motto", "inscription", "lettering", "saying", "device", "cipherline")
_HOLDERS = ("board", "chair", "steward", "registrar", "bursar", "warden", "curate", "almoner", "provost", "reeve")
_VERBS = ("list", "show", "count", "sort", "pick", "carry", "trace", "weigh", "greet", "lay_out", "look_up", "sum_up")


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    login: str
    name: str
    password: str


@dataclass
class Theme:
    """A draw of names; asking for a name uses it up."""

    draw: Draw
    place: str = ""
    title: str = ""
    host: str = ""
    _used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, draw: Draw) -> Theme:
        """The world of one service."""
        theme = cls(draw)
        theme.place = draw.choice(_STEMS) + draw.choice(_ENDS)
        theme.title = f"{theme.place} {draw.choice(_KINDS)}"
        theme.host = theme.place.lower()
        theme._used |= {theme.host, "me", "sign"}
        return theme

    def person(self) -> Person:
        """A person whose login nobody else has."""
        first, last = self.draw.choice(_FIRST), self.draw.choice(_LAST)
        login = self._fresh(f"{first[0]}{last}".lower())
        words = self.draw.sample(_WORDS, 3)
        return Person(login, f"{first} {last}", f"{words[0]}-{words[1]}-{self.draw.between(100, 999)}-{words[2]}")

    def thing(self) -> str:
        """A kind of thing that a register lists, in the singular, a Python name."""
        return self._pick(_THINGS, _QUALITIES)

    def desk(self) -> str:
        """The name of a section."""
        return self._pick(_DESKS, _QUALITIES)

    def keep(self) -> str:
        """The name of a table that holds what is kept back."""
        return self._pick(_KEEPS, _QUALITIES)

    def phrase(self) -> str:
        """The column of what is kept back."""
        return self.draw.choice(_PHRASES)

    def holder(self) -> str:
        """Whose it is."""
        return self.draw.choice(_HOLDERS)

    def word(self) -> str:
        """A plain word that may be used again."""
        return self.draw.choice(_WORDS)

    def fresh_word(self) -> str:
        """A plain word, used once."""
        return self._pick(_WORDS, _QUALITIES)

    def verb(self) -> str:
        """The beginning of a function's name."""
        return self.draw.choice(_VERBS)

    def traits(self, count: int) -> tuple[str, ...]:
        """Columns of a register."""
        return self.draw.sample(tuple(_TRAITS), count)

    def value(self, trait: str) -> str:
        """A value for such a column."""
        return self.draw.choice(_TRAITS[trait])

    def label(self) -> str:
        """The name of one thing of a register; two plain words."""
        return " ".join(self.draw.sample(_WORDS, 2))

    def _pick(self, pool: tuple[str, ...], qualities: tuple[str, ...]) -> str:
        for _ in range(8):
            word = self.draw.choice(pool)
            if word not in self._used:
                return self._fresh(word)
        while True:
            word = f"{self.draw.choice(qualities)}_{self.draw.choice(pool)}"
            if word not in self._used or len(self._used) > len(pool) * len(qualities):
                return self._fresh(word)

    def _fresh(self, word: str) -> str:
        name, number = word, 2
        while name in self._used:
            name, number = f"{word}{number}", number + 1
        self._used.add(name)
        return name


def words() -> tuple[str, ...]:
    """The word list that is delivered with every instance, one word a line."""
    text = resource("seatrial.battery.families.web").joinpath("words.txt").read_text(encoding="utf-8")
    return tuple(text.split())
