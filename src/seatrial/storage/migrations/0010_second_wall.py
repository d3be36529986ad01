"""Acquaintances say whose the submission is, and reads have their tables."""

import django.db.models.deletion
from django.db import migrations, models

OWNERS = """UPDATE storage_acquaintance SET owner =
 (SELECT s.owner FROM storage_submission s WHERE s.id = storage_acquaintance.submission_id)"""


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_notice")]

    operations = [
        migrations.AddField(
            model_name="acquaintance",
            name="owner",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.RunSQL(OWNERS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ReadDay",
            fields=[
                ("day", models.CharField(max_length=10, primary_key=True, serialize=False)),
                ("entry_log", models.SmallIntegerField()),
                ("entry_index", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Read",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.CharField(max_length=64)),
                ("organisation", models.CharField(max_length=64)),
                ("role", models.CharField(max_length=40)),
                ("object", models.CharField(max_length=64)),
                ("data_class", models.CharField(max_length=1)),
                ("at", models.DateTimeField()),
                ("day", models.CharField(max_length=10)),
                ("salt", models.BinaryField(max_length=16)),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reads", to="storage.submission"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["day"], name="read_by_day")]},
        ),
    ]
