from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations


def first_epoch(apps, schema_editor):
    apps.get_model("core", "ConfigEpoch").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        BtreeGistExtension(),
        migrations.RunPython(first_epoch, migrations.RunPython.noop),
    ]
