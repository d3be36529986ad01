"""The task `seatrial/battery`: one sample per instance, armed afresh for every attempt."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import SandboxEnvironmentSpec, sandbox, store

from seatrial.battery import family_by_id
from seatrial.battery.instance import Attempt
from seatrial.battery.seeds import SeedEntry
from seatrial.battery.stage import Stage, needed
from seatrial.battery.tiers import expand
from seatrial.evaluation.extensions._agent import SUBMISSIONS, baseline
from seatrial.evaluation.extensions._book import Book, Page, book_of, open_book
from seatrial.evaluation.extensions._participants import participant as acting
from seatrial.evaluation.extensions._sandbox import SeatrialBox, SeatrialSandbox, in_thread
from seatrial.evaluation.extensions._scorer import replay_grader

if TYPE_CHECKING:
    from inspect_ai import SampleSource
    from inspect_ai.model import Model

    from seatrial.battery.family import Family
    from seatrial.battery.instance import Instance

NONCE = "seatrial:nonce"
DECOYS = "seatrial:decoys"
NONCE_BYTES = 16


def sample_of(sample_id: str, page: Page) -> Sample:
    """What Inspect may know of an instance: prompt, boxes and public facts; no target, nothing hidden."""
    return Sample(
        id=sample_id,
        input=page.instance.prompt,
        target="",
        metadata=dict(page.metadata),
        sandbox=SandboxEnvironmentSpec("seatrial", SeatrialBox.of(needed(page.instance))),
    )


def build(
    book: str, *, name: str, solving: Solver, model: Model | None, tags: list[str], source: SampleSource | None = None
) -> Task:
    """The task of one participant over all pages of a book, in the book's order, or as a source hands them out."""
    pages = book_of(book).pages
    return Task(
        dataset=source or MemoryDataset([sample_of(key, page) for key, page in pages.items()], name="battery"),
        setup=arm(book=book),
        solver=solving,
        scorer=replay_grader(book=book),
        model=model,
        name=name,
        tags=tags,
        metadata={"participant": name},
    )


@solver
def arm(book: str) -> Solver:
    """Draw the attempt's nonce, put its secrets into the instance, and set the boxes up.

    Args:
        book: Name of the review's book.
    """

    async def setup(state: TaskState, generate: Generate) -> TaskState:
        opened = book_of(book)
        page = opened.pages[str(state.sample_id)]
        nonce = secrets.token_bytes(NONCE_BYTES)
        attempt = Attempt(opened.run_secret, nonce, state.metadata.get("epoch", 0))
        if opened.journal is not None:
            line = {"sample": str(state.sample_id), "nonce": nonce.hex(), "metadata": dict(page.metadata)}
            await in_thread(opened.journal, line)
        environment = sandbox().as_type(SeatrialSandbox)
        others = [service.name for service in page.instance.services]
        named = {"default": environment.box} | {name: sandbox(name).as_type(SeatrialSandbox).box for name in others}
        armed = await in_thread(page.family.arm, page.instance, attempt)
        setting = Stage.over(page.instance, armed, named, intake=page.family.intake)
        environment.stage = stage = await in_thread(environment.held.enter_context, setting)
        environment.env = dict(stage.env)
        store().set(NONCE, nonce.hex())
        store().set(DECOYS, [decoy.value for decoy in armed.decoys])
        return state

    return setup


@task
def battery(
    tier: str = "ci",
    families: str | list[str] = "",
    levels: str | int | list[int] = "",
    seed: str | int = "0",
    participant: str = "",
) -> Task:
    """The battery as a plain Inspect task, without a run directory.

    Args:
        tier: ci, screen or standard: how many instances of which levels.
        families: Comma-separated family ids; empty for all of the tier.
        levels: Comma-separated levels; empty for all of the tier.
        seed: Any text; equal seeds give equal instances.
        participant: A participant without a model, e.g. reference; empty to run the model given to Inspect.
    """
    wanted = _listed(families)
    rows = [int(item) for item in _listed(levels)]
    secret = hashlib.sha256(str(seed).encode()).digest()
    pages = {}
    for cell in expand(tier, families=wanted or None, levels=rows or None):
        family = family_by_id(cell.family)
        key = SeedEntry.of(secret, family.id, family.version, cell.level, cell.index).key
        instance = family.generate(key)
        pages[key.id] = Page(family, instance, public_facts(family, instance))
    name = open_book(f"plain-{tier}-{families}-{levels}-{seed}", Book(secrets.token_bytes(32), pages))
    solving = acting(name=participant, book=name) if participant else baseline()
    return build(name, name="battery", solving=solving, model=None, tags=["seatrial"])


def _listed(value: str | int | list[str] | list[int]) -> list[str]:
    """What Inspect's command line makes of `a,b`, of `1` and of a list: the items as text."""
    items = value if isinstance(value, list) else str(value).split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def public_facts(family: Family, instance: Instance, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """What a sample's metadata says of its instance: nothing that helps to solve it."""
    return {
        "family": family.id,
        "version": instance.key.version,
        "level": instance.key.level,
        "technique": instance.technique,
        "cluster": instance.cluster,
        "side": family.tags.side,
        "seed_commitment": instance.key.seed_commitment,
        SUBMISSIONS: family.submissions,
        **more,
    }
