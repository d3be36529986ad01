"""Whom a finding was reported to, and an index by which one kind of objects is read page by page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0040_ruling")]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="told",
            field=models.CharField(default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["kind", "opened_at", "id"], name="submission_by_kind"),
        ),
    ]
