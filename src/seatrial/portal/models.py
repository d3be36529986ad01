"""Rows of the portal's own: counts of attempts at sign-in, shared by all processes; Django's cache writes them."""

from __future__ import annotations

from django.db import models

from seatrial.portal.settings import CACHE


class Cached(models.Model):
    """One entry of Django's database cache, in the form that it asks for."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        """The table that the cache is told of."""

        app_label = "portal"
        db_table = CACHE

    def __str__(self) -> str:
        return self.cache_key
