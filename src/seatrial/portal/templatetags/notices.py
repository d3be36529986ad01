"""The tag that links an object where it has a page: by its code name where whoever acts may read it, else by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html

from seatrial.notices.letters import path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.template.context import Context
    from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def about(context: Context, name: str, names: Mapping[str, str]) -> SafeString:
    """A link to an object's page, or its id where it has none for whoever acts."""
    acting, shown = context.get("acting"), names.get(name, name)
    place = path(name, acting.role) if acting else ""
    if not place:
        return format_html("<code>{}</code>", shown)
    return format_html('<a class="usa-link" href="{}">{}</a>', place, shown)
