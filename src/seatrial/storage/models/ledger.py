"""The log's tables: entries, complete subtrees, signed checkpoints, and the head that a writer locks.

They hold ids and digests only, and no viewer filters them: who may read an entry is the ledger's rule. Rows are written
once (triggers refuse a change). `log` numbers the logs of an installation: a log that was restored from a copy rests,
and the next one goes on under a new origin.
"""

from __future__ import annotations

from django.db import models


class LedgerHead(models.Model):
    """The row of a log that its writers lock, and the number of its entries."""

    log = models.SmallIntegerField(primary_key=True)
    size = models.BigIntegerField(default=0)


class LedgerEntry(models.Model):
    """One leaf: the bytes of one event, and whose it is."""

    pk = models.CompositePrimaryKey("log", "index")
    log = models.SmallIntegerField()
    index = models.BigIntegerField()
    entry = models.BinaryField()
    stream = models.CharField(max_length=36)

    class Meta:
        """Asked for by stream as well."""

        indexes = (models.Index(fields=["log", "stream", "index"], name="entry_by_stream"),)


class LedgerNode(models.Model):
    """The digest of a complete subtree of 2^level entries."""

    pk = models.CompositePrimaryKey("log", "level", "index")
    log = models.SmallIntegerField()
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)


class LedgerCheckpoint(models.Model):
    """A signed note over the tree of its size; of one size there may be several."""

    log = models.SmallIntegerField()
    size = models.BigIntegerField()
    cosigned = models.BooleanField()
    note = models.BinaryField()

    class Meta:
        """Asked for newest first."""

        indexes = (models.Index(fields=["log", "cosigned", "size"], name="checkpoint_by_size"),)
