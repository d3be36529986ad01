"""`words`: a word of the rules as a person reads it; known to every template."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def words(name: object) -> str:
    """`developer_owner` as `developer owner`."""
    return str(name).replace("_", " ")
