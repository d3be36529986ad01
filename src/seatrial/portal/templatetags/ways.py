"""`way_to`: where a page is, for whoever may read it; nothing for others, so that no link leads to nowhere.

A part of a page that links asks first: `{% way_to "submission" standing.object as there %}{% if there %}…{% endif %}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.urls import reverse

from seatrial.portal.access import opens
from seatrial.portal.routes import ROUTES

if TYPE_CHECKING:
    from django.template.context import Context

register = template.Library()
_READ = {route.name: route.read for route in ROUTES}


@register.simple_tag(takes_context=True)
def way_to(context: Context, route: str, *of: object) -> str:
    """The address of a route, by the table's line; empty where whoever acts may not read it."""
    acting = context.get("acting")
    return reverse(route, args=of) if opens(_READ[route], acting.role if acting else None) else ""
