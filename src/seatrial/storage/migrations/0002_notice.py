"""The table of notices that wait to be sent."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation", models.CharField(db_index=True, max_length=64)),
                ("role", models.CharField(max_length=40)),
                (
                    "act",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="storage.act"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("act", "organisation", "role"), name="notice_once")],
            },
        ),
    ]
