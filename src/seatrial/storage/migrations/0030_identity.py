"""The tables of invitations, identity providers and service tokens."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0020_plan_unit")]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("role", models.CharField(max_length=40)),
                ("invited_by", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("used_by", models.CharField(default="", max_length=64)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="storage.organisation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organisation", "made_at"], name="invitation_by_organisation")],
            },
        ),
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("issuer", models.CharField(max_length=255)),
                ("ended_at", models.DateTimeField(null=True)),
                ("record", models.JSONField()),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identity_providers",
                        to="storage.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ServiceToken",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("record", models.JSONField()),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="service_tokens",
                        to="storage.organisation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organisation", "made_at"], name="token_by_organisation")],
            },
        ),
    ]
