"""F6: a small service in, the flag it keeps back out. `FAMILY` is the catalogue entry.

For tasks on the same services: `render` (source as it is and mended, functional suite), `solve` (exploit scripts),
`generate` (plans and instances).
"""

from seatrial.battery.families.web.family import WebFamily

FAMILY = WebFamily()

__all__ = ["FAMILY", "WebFamily"]
