"""Form fields in the design system's markup, bound to Django's own: label, hint, message of error, and the input.

- `{% field form.name %}` chooses by the field's widget; `{% fields form %}` writes all of them in order.
- `{% error_summary form %}` goes above the form: it takes the focus and links every message to its field.
- Dates use the browser's own input, so that no script is needed; times are UTC, and the label's hint says so.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django import forms, template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.forms.boundfield import BoundField

register = template.Library()

MOST_COUNTED = 50_000
"""Beyond so many characters a text is a file: nobody counts what is left."""
STYLES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.Textarea, "usa-textarea"),
    (forms.Select, "usa-select"),
    (forms.FileInput, "st-file"),
    (forms.widgets.Input, "usa-input"),
)


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", *, wide: bool = False) -> dict[str, Any]:
    """One field of a form; `label` replaces the form's own, `wide` takes the whole width."""
    return _shown(bound, label or str(bound.label), wide=wide)


@register.inclusion_tag("components/fields.html")
def fields(form: forms.BaseForm) -> dict[str, Any]:
    """Every field of a form, in its order."""
    return {"form": form}


@register.inclusion_tag("components/error_summary.html")
def error_summary(*many: forms.BaseForm) -> dict[str, Any]:
    """What has to be put right, linked to the fields; nothing where nothing is wrong."""
    return {"errors": [error for form in many for error in _errors(form)]}


def _shown(bound: BoundField, label: str, *, wide: bool) -> dict[str, Any]:
    widget = bound.field.widget
    shown: dict[str, Any] = {"field": bound, "label": label, "kind": _kind(widget), "wide": wide}
    if shown["kind"] in {"radio", "checkboxes"}:
        shown["choices"] = _choices(bound, shown["kind"])
    else:
        shown["input"] = bound.as_widget(_native(widget), attrs=_attributes(bound, wide=wide))
        shown["limit"] = _limit(bound)
    return shown


def _kind(widget: forms.Widget) -> str:
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    if isinstance(widget, forms.CheckboxSelectMultiple):  # before RadioSelect, of which it is one
        return "checkboxes"
    if isinstance(widget, forms.RadioSelect):
        return "radio"
    return "textarea" if isinstance(widget, forms.Textarea) else "input"


def _native(widget: forms.Widget) -> forms.Widget:
    """The same widget, with the browser's own input for a date or a time."""
    if isinstance(widget, forms.DateTimeInput | forms.DateInput):
        widget = copy(widget)
        timed = isinstance(widget, forms.DateTimeInput)
        widget.input_type, widget.format = ("datetime-local", "%Y-%m-%dT%H:%M") if timed else ("date", "%Y-%m-%d")
    return widget


def _attributes(bound: BoundField, *, wide: bool) -> dict[str, str | bool]:
    widget = bound.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return {"class": "usa-checkbox__input"}
    style = next((name for kind, name in STYLES if isinstance(widget, kind)), "usa-input")
    named = [str(widget.attrs.get("class", "")), style, "st-wide" * wide]
    named.append("usa-input--error" if bound.errors and style != "st-file" else "")
    if _limit(bound):
        named.append("usa-character-count__field")
    return {"class": " ".join(filter(None, named))}


def _limit(bound: BoundField) -> int | None:
    """How many characters of a text area are counted down; none where it has no end, or one that nobody comes near."""
    limit: int = getattr(bound.field, "max_length", None) or 0
    return limit if isinstance(bound.field.widget, forms.Textarea) and 0 < limit <= MOST_COUNTED else None


def _choices(bound: BoundField, kind: str) -> list[Any]:
    """The inputs of a group, one by one; a script is not needed to know which label belongs to which."""
    style = "usa-radio__input" if kind == "radio" else "usa-checkbox__input"
    for one in bound.subwidgets:
        one.data["attrs"]["class"] = style
    return list(bound.subwidgets)


def _errors(form: forms.BaseForm) -> Iterator[dict[str, str]]:
    for message in form.non_field_errors():
        yield {"text": str(message), "target": ""}
    for bound in form:
        group = _kind(bound.field.widget) in {"radio", "checkboxes"}
        for message in bound.errors:
            yield {"text": str(message), "label": str(bound.label), "target": f"{bound.auto_id}{'_0' * group}"}
