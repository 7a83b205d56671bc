from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models


def first_epoch(apps, schema_editor):
    apps.get_model("core", "ConfigEpoch").objects.get_or_create(pk=1)


class Migration(migrations.Migration):

    replaces = [('core', '0001_initial'), ('core', '0002_epoch_and_extensions')]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='ConfigEpoch',
            fields=[
                ('id', models.SmallAutoField(primary_key=True, serialize=False)),
                ('value', models.BigIntegerField(default=0)),
            ],
        ),
        BtreeGistExtension(),
        migrations.RunPython(first_epoch, migrations.RunPython.noop),
    ]
