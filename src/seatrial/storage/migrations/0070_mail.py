"""The tables of contacts, letters and feeds."""

from django.db import migrations, models

STATES = ("waiting", "sent", "dropped", "given_up")


class Migration(migrations.Migration):
    dependencies = [("storage", "0060_answered")]

    operations = [
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("person", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("address", models.CharField(max_length=254)),
                ("zone", models.CharField(max_length=64)),
                ("notices", models.BooleanField()),
                ("digest", models.BooleanField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("code", models.CharField(default="", max_length=16)),
                ("code_at", models.DateTimeField(null=True)),
                ("code_tries", models.IntegerField(default=0)),
                ("digest_day", models.CharField(max_length=10)),
                ("digest_until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("person", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=40)),
                ("organisation", models.CharField(default="", max_length=64)),
                ("role", models.CharField(default="", max_length=40)),
                ("object", models.CharField(default="", max_length=64)),
                ("since", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("tries", models.IntegerField(default=0)),
                ("state", models.CharField(default="waiting", max_length=40)),
                ("reason", models.CharField(default="", max_length=64)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["due_at"], name="letter_due"),
                    models.Index(fields=["object", "person"], name="letter_about"),
                    models.Index(fields=["ended_at"], name="letter_ended"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("state__in", STATES)), name="letter_state_known"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Feed",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("person", models.CharField(max_length=64)),
                ("organisation", models.CharField(max_length=64)),
                ("role", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["person", "made_at"], name="feed_by_person")],
            },
        ),
    ]
