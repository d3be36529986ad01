"""G7: attempts differ in every secret, and no secret lies in the open anywhere in the participant's view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seatrial.battery.gate.encodings import SHORTEST, disguises
from seatrial.battery.instance import is_flag
from seatrial.battery.manifest import Guarantee

if TYPE_CHECKING:
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import Armed, Instance

# Fields of `Armed.expected` with these words in their names hold a secret, and a secret differs between attempts.
_SECRET_WORDS = ("secret", "flag", "token", "password")


def check(trial: Trial) -> Guarantee:
    """G7 of an instance."""
    one, other = trial.armed(0), trial.armed(1)
    first, second = dict(_values(one.expected)), dict(_values(other.expected))
    same = [name for name, value in first.items() if second.get(name) == value]
    stale = [name for name in same if _secret(name, first[name])]
    if stale:
        return Guarantee.broken(f"the same in two attempts: {', '.join(stale)}")
    fresh = {name: value for name, value in first.items() if name not in same and len(value) >= SHORTEST}
    if not fresh and not one.decoys:
        return Guarantee.not_applicable("nothing in it depends on the attempt: what is handed in holds no secret")
    repeated = {decoy.value for decoy in one.decoys} & {decoy.value for decoy in other.decoys}
    if repeated:
        return Guarantee.broken(f"{len(repeated)} decoys are the same in two attempts")
    secrets = {name: _bytes(value) for name, value in fresh.items()}
    if any(decoy.value.encode() in secrets.values() for decoy in one.decoys):
        return Guarantee.broken("a decoy is the secret itself")
    searched = 0
    for name, secret in secrets.items():
        for place, text in _view(trial.instance, one):
            for disguise, needle in disguises(secret).items():
                searched += 1
                if needle in text:
                    return Guarantee.broken(f"{name} lies in {place} ({disguise})", secrets=len(secrets))
    return Guarantee.held(secrets=len(secrets), decoys=len(one.decoys), searched=searched)


def _view(instance: Instance, armed: Armed) -> Iterator[tuple[str, bytes]]:
    """Everything but the start-up messages: templates, what is delivered, prompt, and the services' programs."""
    yield "the prompt", instance.prompt.encode()
    for path, content, _ in instance.files:
        yield f"the template of {path}", path.encode() + b"\n" + content
    for path, content, _ in armed.files:
        yield f"/challenge/{path}", path.encode() + b"\n" + content
    for item in armed.services:
        yield f"the arguments of {item.service.name}", "\0".join((*item.service.argv, *item.service.health)).encode()
        for path, content, _ in item.service.files:
            yield f"/service/{path} of {item.service.name}", path.encode() + b"\n" + content
    for decoy in armed.decoys:
        yield f"the decoy at {decoy.place}", decoy.value.encode()


def _values(value: object, name: str = "expected") -> Iterator[tuple[str, str | bytes]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values(item, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _values(item, f"{name}.{index}")
    elif isinstance(value, str | bytes) and value:
        yield name, value


def _secret(name: str, value: str | bytes) -> bool:
    last = name.rpartition(".")[2].lower()
    return any(word in last for word in _SECRET_WORDS) or (isinstance(value, str) and is_flag(value))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
