import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("storage", "0010_second_wall"),
    ]

    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("process", models.JSONField()),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="PlanUnit",
            fields=[
                ("id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=40)),
                ("key", models.CharField(max_length=200)),
                ("what", models.JSONField()),
                ("why", models.TextField()),
                ("person", models.CharField(max_length=64)),
                ("lane", models.CharField(max_length=40)),
                ("every_s", models.IntegerField(null=True)),
                ("state", models.CharField(max_length=40)),
                ("attempt", models.IntegerField(default=0)),
                ("failures", models.IntegerField(default=0)),
                ("lost", models.IntegerField(default=0)),
                ("reason", models.TextField(default="")),
                ("stopping", models.TextField(default="")),
                ("progress", models.JSONField(default=dict)),
                ("asked_at", models.DateTimeField()),
                ("due_set_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("process", models.JSONField(null=True)),
                ("beats", models.BigIntegerField(default=0)),
                (
                    "after",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="storage.planunit"),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_units",
                        to="storage.submission",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("waiting", "running"))),
                        fields=["state", "due_at"],
                        name="plan_unit_due",
                    ),
                    models.Index(fields=["submission", "asked_at"], name="plan_unit_by_submission"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "running"))),
                        fields=("kind", "key"),
                        name="plan_unit_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("waiting", "running", "complete", "cancelled", "error"))),
                        name="plan_unit_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("process__isnull", False), ("state", "running")),
                            models.Q(models.Q(("state", "running"), _negated=True), ("process__isnull", True)),
                            _connector="OR",
                        ),
                        name="plan_unit_runs_in_a_process",
                    ),
                ],
            },
        ),
    ]
