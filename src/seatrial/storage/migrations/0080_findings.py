"""Tables of findings: origins, findings and what could not be read, their events, clusters, and counts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("storage", "0071_counted"),
    ]

    operations = [
        migrations.CreateModel(
            name="FindingBatch",
            fields=[
                ("id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("root", models.CharField(max_length=64)),
                ("size", models.IntegerField()),
                ("entry_log", models.SmallIntegerField()),
                ("entry_index", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="FindingNumber",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("last", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="FindingCluster",
            fields=[
                ("id", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("project", models.CharField(max_length=500)),
                ("keeper", models.CharField(max_length=64)),
                ("stage", models.CharField(max_length=40)),
                ("record", models.BinaryField()),
            ],
            options={
                "indexes": [models.Index(fields=["project", "id"], name="finding_cluster_by_project")],
            },
        ),
        migrations.CreateModel(
            name="FindingOrigin",
            fields=[
                ("ref", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("submitter", models.CharField(max_length=64)),
                ("keeper", models.CharField(max_length=64)),
                ("submission", models.CharField(default="", max_length=36)),
                ("run", models.TextField(default="")),
                ("facts", models.TextField(default="{}")),
                ("received_at", models.DateTimeField()),
                ("shredded_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["submission"], name="finding_origin_submission")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("shredded_at__isnull", True)),
                        fields=("submitter", "run"),
                        name="finding_origin_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FindingItem",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("file", models.TextField()),
                ("place", models.TextField()),
                ("what", models.TextField()),
                ("to_do", models.TextField()),
                ("sha256", models.CharField(default="", max_length=64)),
                (
                    "origin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="storage.findingorigin"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FindingCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "origin", "word", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("word", models.CharField(max_length=40)),
                ("number", models.BigIntegerField()),
                (
                    "origin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="counts", to="storage.findingorigin"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FindingChain",
            fields=[
                ("subject", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("keeper", models.CharField(max_length=64)),
                ("seq", models.IntegerField()),
                ("last", models.CharField(max_length=64)),
                (
                    "origin",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chains",
                        to="storage.findingorigin",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("project", models.CharField(max_length=500)),
                ("title", models.CharField(max_length=500)),
                ("kind", models.CharField(max_length=40)),
                ("disposition", models.CharField(max_length=40)),
                ("cluster", models.CharField(default="", max_length=20)),
                ("received_at", models.DateTimeField()),
                ("commitment", models.CharField(max_length=64)),
                ("nonce", models.BinaryField(max_length=32)),
                ("canonical", models.BinaryField()),
                (
                    "origin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="storage.findingorigin"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FindingSignature",
            fields=[
                (
                    "finding",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="signature",
                        serialize=False,
                        to="storage.finding",
                    ),
                ),
                ("project", models.CharField(max_length=500)),
                ("exact_key", models.CharField(max_length=64)),
                ("said", models.TextField()),
            ],
            options={
                "indexes": [models.Index(fields=["project", "exact_key"], name="finding_signature_exact")],
            },
        ),
        migrations.CreateModel(
            name="FindingFunction",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "finding", "function", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("project", models.CharField(max_length=500)),
                ("function", models.CharField(max_length=500)),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="functions", to="storage.finding"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["project", "function"], name="finding_function_top")],
            },
        ),
        migrations.CreateModel(
            name="FindingEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "subject", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.CharField(max_length=64)),
                ("seq", models.IntegerField()),
                ("keeper", models.CharField(max_length=64)),
                ("type", models.CharField(max_length=40)),
                ("event", models.BinaryField()),
                ("hash", models.CharField(max_length=64)),
                ("position", models.IntegerField()),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="storage.findingbatch"
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="storage.findingorigin",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("batch", "position"), name="finding_event_place")],
            },
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["disposition", "id"], name="finding_by_disposition"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["project", "id"], name="finding_by_project"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["cluster", "id"], name="finding_by_cluster"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["received_at", "id"], name="finding_by_day"),
        ),
    ]
