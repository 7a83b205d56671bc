"""The groups of the platform's roles; their permissions follow when all of them exist
(`apps.access.roles.sync_roles`, after the migrations of the last app)."""

from django.db import migrations

ROLES = (
    "prompt-engineer",
    "approver",
    "finance",
    "operator",
    "auditor",
    "service-developer",
    "administrator",
)


def make_groups(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for role in ROLES:
        group.objects.get_or_create(name=role)


class Migration(migrations.Migration):

    dependencies = [
        ("access", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
