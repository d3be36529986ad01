"""Recipes: how a finding says it is shown. What asks for more than a sealed box gives is read, kept, and never run."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from seatrial.clearinghouse.finding import Recipe
from seatrial.clearinghouse.intake.item import Unreadable, as_dict

HOST = "host"
"""The root file system of the machine that runs the boxes, read-only: its compilers, and nothing of its users."""
IMAGE = re.compile(r"(?:[a-z0-9][a-z0-9._/:\-]*@)?sha256:[0-9a-f]{64}")
MORE = re.compile(
    r"(?:^|_|-)(?:network|net|ports?|privileged|mounts?|volumes?|devices?|cap_?add|capabilities|host|pid|ipc|user(?:ns)?"
    r"|security_opt|sysctls?)(?:$|_|-)",
    re.IGNORECASE,
)
"""Names of settings by which container tools give a box more than it starts with."""
REACHING = re.compile(
    r"^--?(?:privileged|net(?:work)?|volume|v|mount|device|cap-add|pid|ipc|userns|security-opt)(?:=|$)"
    r"|^(?:docker|podman|nsenter|unshare|sudo|su|mount)$|^/(?:proc|sys|dev|root|home|var/run|run)(?:/|$)"
)
"""Arguments that reach out of a box: a container's own options, tools that leave one, paths of a host."""
SAFE_PATHS = ("/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/zero", "/dev/urandom")
KNOWN = frozenset(Recipe.model_fields)


def recipe_of(given: Any, where: str) -> tuple[Recipe | None, str]:  # noqa: ANN401 - JSON
    """The recipe, and why a person has to look before it runs (empty: nothing speaks against it).

    Raises:
        Unreadable: It is no recipe.
    """
    fields = as_dict(given, where)
    wanted = {name: value for name, value in fields.items() if name in KNOWN}
    try:
        recipe = Recipe.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{where}.{path}", str(first["msg"]), "See docs/findings.md for a recipe") from error
    return recipe, "; ".join(_asks(recipe, fields, where))


def _asks(recipe: Recipe, fields: dict[str, Any], where: str) -> list[str]:
    found = []
    for name, value in fields.items():
        if name not in KNOWN and value not in (None, False, "", [], {}, "none"):
            reach = "asks for more than a sealed box gives" if MORE.search(name) else "is no field of a recipe"
            found.append(f"{where}.{name} = {value!r}: {reach}")
    if recipe.image != HOST and not IMAGE.fullmatch(recipe.image):
        found.append(f"{where}.image = {recipe.image!r}: an image is named by its digest, sha256:..., or is `{HOST}`")
    for name in ("build", "run", "test"):
        for at, word in enumerate(getattr(recipe, name)):
            if REACHING.search(word) and word not in SAFE_PATHS:
                found.append(f"{where}.{name}[{at}] = {word!r}: reaches out of the box")
    if "{pov}" not in " ".join(recipe.run):
        found.append(f"{where}.run: says nowhere where the file goes; write {{pov}}")
    return found
