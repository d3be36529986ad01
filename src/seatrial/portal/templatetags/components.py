"""Components of the portal's pages as template tags; docs/portal-look.md shows each with its arguments.

- Tags with a body end in `end` and their name; `{% card "Runs" %}…{% endcard %}`.
- Every component works without a script; `data-` attributes are where portal.js makes it nicer.
- Records handed in may be mappings or objects: a template reads both the same way.
- `now` comes from the page's context, once for the whole page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import template

from seatrial.portal.templatetags.wording import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.template.context import Context
    from django.utils.safestring import SafeString

register = template.Library()

POLL_SECONDS = 10  # often enough to watch a run by, seldom enough for a hundred watchers of a small server
_BY_TONE = {
    "waiting": "inquiry draft submitted terms agreed developer_comment expired proposed revised candidate reproduced "
    "clustered rated signed_off queued reported escalated fix_available",
    "active": "access_open preflight running review draft_report handoff acknowledged fix_in_progress",
    "done": "report_issued closed adopted fix_verified advisory_published details_published",
    "attention": "paused incident_hold disputed",
    "ended": "declined withdrawn purged superseded not_reproduced known out_of_scope duplicate wont_fix retracted",
}
"""Somebody has to act before it goes on; work is on; what was to come is there; work stands still; nothing follows."""
TONES = {state: tone for tone, states in _BY_TONE.items() for state in states.split()}
MEASURE_OF_SOON = 86_400  # seconds; within a day of its end a clock is shown as near


def _rendered(context: Context, component: str, /, **values: Any) -> SafeString:  # noqa: ANN401 - a template takes anything
    """A component's template with these values and nothing of the page but its token."""
    engine = context.template.engine if context.template else template.Engine.get_default()
    inner = context.new({"csrf_token": context.get("csrf_token"), **values})
    return engine.get_template(f"components/{component}.html").render(inner)


# Text and boxes


@register.inclusion_tag("components/icon.html")
def icon(name: str, label: str = "") -> dict[str, Any]:
    """A picture from icons.svg; with a label it says something, without it decorates."""
    return {"name": name, "label": label}


@register.simple_block_tag(takes_context=True)
def alert(context: Context, content: SafeString, kind: str = "info", heading: str = "", level: int = 2) -> SafeString:
    """A notice: kind is `info`, `success`, `warning` or `error`."""
    return _rendered(context, "alert", content=content, kind=kind, heading=heading, level=level)


@register.simple_block_tag(takes_context=True)
def summary_box(context: Context, content: SafeString, heading: str, level: int = 2) -> SafeString:
    """The few things to take away from a page."""
    return _rendered(context, "summary_box", content=content, heading=heading, level=level)


@register.simple_block_tag(takes_context=True)
def card(context: Context, content: SafeString, heading: str, href: str = "", level: int = 2) -> SafeString:
    """One thing of several, side by side inside `<div class="st-cards">`."""
    return _rendered(context, "card", content=content, heading=heading, href=href, level=level)


@register.simple_block_tag(takes_context=True)
def accordion(context: Context, content: SafeString, heading: str, *, is_open: bool = False) -> SafeString:
    """A part that opens and closes, without a script."""
    return _rendered(context, "accordion", content=content, heading=heading, is_open=is_open)


@register.simple_block_tag(takes_context=True)
def table(context: Context, content: SafeString, caption: str, *, quiet: bool = False) -> SafeString:
    """A table that scrolls in its own frame on narrow screens; `quiet` hides the caption from sight only."""
    return _rendered(context, "table", content=content, caption=caption, quiet=quiet)


@register.inclusion_tag("components/sort.html")
def sort(label: str, by: str, now_by: str = "", query: str = "") -> dict[str, Any]:
    """A heading cell whose link sorts by `by`; `now_by` is the order in force, `-name` for descending."""
    falling, rising = now_by == f"-{by}", now_by == by
    order = "descending" if falling else "ascending" if rising else ""
    return {"label": label, "by": f"-{by}" if rising else by, "order": order, "query": query}


@register.inclusion_tag("components/facts.html")
def facts(pairs: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """Names and values, as a definition list; for richer values write `<dl class="st-facts">` by hand."""
    return {"pairs": pairs}


@register.inclusion_tag("components/state.html")
def state(name: str, tone: str = "neutral") -> dict[str, Any]:
    """A state's name: tone is `neutral`, `waiting`, `active`, `done`, `attention` or `ended`; never colour alone."""
    return {"name": name, "tone": tone}


@register.inclusion_tag("components/state.html")
def state_of(name: str) -> dict[str, Any]:
    """Where an object stands, in words, with the one tone that this state has on every page."""
    return {"name": words(name), "tone": TONES.get(name, "neutral")}


@register.inclusion_tag("components/empty.html")
def empty(heading: str, text: str = "", href: str = "", action: str = "") -> dict[str, Any]:
    """What stands where a list would, when there is nothing in it."""
    return {"heading": heading, "text": text, "href": href, "action": action}


@register.inclusion_tag("components/untrusted_text.html")
def untrusted_text(text: object, label: str, source: str = "") -> dict[str, Any]:
    """Text of a model or a finding: never linked, never marked up, unseen characters shown."""
    return {"text": text, "label": label, "source": source}


@register.inclusion_tag("components/digest.html")
def digest(value: str, label: str = "Digest") -> dict[str, Any]:
    """A digest, short; opened, whole and ready to copy."""
    return {"value": value, "label": label}


@register.inclusion_tag("components/downloads.html")
def downloads(files: Iterable[object], label: str = "Files") -> dict[str, Any]:
    """Files to fetch: each has `url`, `name`, and may have `what`, `size` (bytes) and `digest`."""
    return {"files": files, "label": label}


# Where one is


@register.inclusion_tag("components/breadcrumb.html")
def breadcrumb(*parts: str) -> dict[str, Any]:
    """The way here: label, address, label, address, …, and the label of this page last."""
    return {"links": list(zip(parts[:-1:2], parts[1:-1:2], strict=True)), "here": parts[-1]}


@register.inclusion_tag("components/pagination.html")
def pagination(before: str = "", after: str = "", shown: str = "", label: str = "Pages") -> dict[str, Any]:
    """Links to the page before and after, which may be empty; `shown` says what is on this one."""
    return {"before": before, "after": after, "shown": shown, "label": label}


@register.inclusion_tag("components/steps.html")
def steps(many: Sequence[Any], label: str = "Progress") -> dict[str, Any]:
    """A lifecycle: each step has `label` and `status`, one of `complete`, `current`, `upcoming`."""
    listed = [one if isinstance(one, dict) else {"label": one.label, "status": one.status} for one in many]
    at = next((n for n, one in enumerate(listed, 1) if one["status"] == "current"), len(listed))
    return {"steps": listed, "at": at, "current": listed[at - 1]["label"], "label": label}


@register.inclusion_tag("components/process.html")
def process(many: Iterable[object], level: int = 3) -> dict[str, Any]:
    """What happens, in order: each has `heading` and `text`."""
    return {"steps": many, "level": level}


@register.inclusion_tag("components/progress.html")
def progress(value: float, most: float, label: str, words: str = "") -> dict[str, Any]:
    """How far a job is: a bar and always the figures beside it."""
    return {"value": value, "most": most, "label": label, "words": words or f"{value:,} of {most:,}"}


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[object], label: str = "What happened") -> dict[str, Any]:
    """What happened, in the order given: each has `at`, `what`, and may have `who`, `more` and `href`."""
    return {"events": events, "label": label}


# Who must act, until when


@register.inclusion_tag("components/clock.html", takes_context=True)
def clock(context: Context, what: str, due: datetime | None, owner: str) -> dict[str, Any]:
    """A wait: what for, whose it is, and until when, in UTC and from now. Without `due` it has no end."""
    now = context.get("now") or datetime.now(UTC)
    left = (due - now).total_seconds() if due else MEASURE_OF_SOON
    near = "over" if left < 0 else "soon" if left < MEASURE_OF_SOON else "calm"
    return {"what": what, "due": due, "owner": owner, "now": now, "near": near}


@register.simple_block_tag(takes_context=True)
def two_keys(context: Context, content: SafeString, what: str, keys: Iterable[object], ends: Any = None) -> SafeString:  # noqa: ANN401 - a time or none
    """A decision of two persons: each key has `side`, `turned`, and `who` and `at` once it is; the body is the act."""
    listed = list(keys)
    return _rendered(context, "two_keys", content=content, what=what, keys=listed, ends=ends, now=context.get("now"))


@register.inclusion_tag("components/post_button.html", takes_context=True)
def post_button(context: Context, url: str, label: str, style: str = "", **hidden: object) -> dict[str, Any]:
    """A form that is one button; `style` is a class as `usa-button--outline`, other names are sent as hidden fields."""
    return {"csrf_token": context.get("csrf_token"), "url": url, "label": label, "style": style, "hidden": hidden}


@register.simple_block_tag(takes_context=True)
def live(context: Context, content: SafeString, name: str, url: str, summary: str = "") -> SafeString:
    """A part that renews itself every ten seconds from `url`, which may be the whole page: the part is found by name.

    `summary` is one short sentence; only when it changes is it read out. A pause control, and a link without script.
    """
    now = context.get("now") or datetime.now(UTC)
    values = {"name": name, "url": url, "summary": summary, "now": now, "seconds": POLL_SECONDS}
    return _rendered(context, "live", content=content, **values)
