"""An index that counts by state are answered from alone, with what says whom a row is there for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0070_mail")]

    operations = [
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["kind", "state", "owner", "evaluator", "told", "id"], name="submission_counted"),
        ),
    ]
