"""The table of rulings on flagged samples."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0030_identity")]

    operations = [
        migrations.CreateModel(
            name="Ruling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("unit", models.CharField(max_length=36)),
                ("participant", models.CharField(max_length=200)),
                ("sample", models.CharField(max_length=200)),
                ("epoch", models.IntegerField()),
                ("decision", models.CharField(max_length=40)),
                ("reason", models.TextField()),
                ("person", models.CharField(max_length=64)),
                ("organisation", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rulings",
                        to="storage.submission",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["submission", "unit"], name="ruling_by_run")]},
        ),
    ]
