"""How long the gateway waits for whom: every deadline of a call, in one place.

- Whoever is slow loses its own call: its memory and its place are free again at the named limit, its budget is settled.
- Tests give smaller ones; an installation has these.

>>> Waits(body=0.5).silence
600.0
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds."""

    head: float = 10.0
    """The client: for the head of a request to arrive whole."""
    body: float = 120.0
    """The client: for a whole body to arrive; it comes over loopback or a near network."""
    reader: float = 60.0
    """The client: to take what it was sent; who reads nothing holds a connection of the endpoint."""
    connect: float = 10.0
    """The endpoint: to resolve, connect and greet; one that takes longer is out of reach."""
    write: float = 60.0
    """The endpoint: for one piece of a request to be taken."""
    silence: float = 600.0
    """The endpoint: between two chunks of an answer; models think for minutes before the first word."""
    call: float = 7200.0
    """Both: a whole call, two hours, as long as the longest answers that services allow."""
    poll: float = 0.25
    """The switch: between two looks at the revocations; four looks within the second that is promised."""
    last_word: float = 0.5
    """The switch: for the error that ends a cut stream, whether anybody reads or not; within the same second."""
