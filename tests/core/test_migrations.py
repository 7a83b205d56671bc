"""A database that saw the migrations of before needs nothing of those in their place."""

from django.db import connection, models
from django.db.migrations import CreateModel
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from apps.core.migration_operations import CreateModels

CREATE = CreateModels(
    [
        CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))]),
        CreateModel(
            "Book",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("shelf", models.ForeignKey("library.Shelf", models.CASCADE)),
            ],
        ),
    ]
)


def forget_replacements() -> list[tuple[str, str]]:
    """As a database is that has seen the old migrations only; the old names of it."""
    replacing = MigrationExecutor(connection).loader.replacements
    applied = MigrationRecorder(connection).migration_qs
    for app, name in replacing:
        applied.filter(app=app, name=name).delete()
    return [old for migration in replacing.values() for old in migration.replaces]


def test_a_database_of_before_has_nothing_to_migrate(db):
    old = forget_replacements()
    executor = MigrationExecutor(connection)

    assert set(old) <= set(MigrationRecorder(connection).applied_migrations())
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_tables_that_are_made_together_go_together(db):
    before = ProjectState()
    after = before.clone()
    CREATE.state_forwards("library", after)

    with connection.schema_editor() as editor:
        CREATE.database_forwards("library", editor, before, after)
    assert {"library_shelf", "library_book"} <= set(connection.introspection.table_names())
    with connection.schema_editor() as editor:
        CREATE.database_backwards("library", editor, after, before)
    assert not {"library_shelf", "library_book"} & set(connection.introspection.table_names())


def test_each_model_is_made_once(db, monkeypatch):
    made = []
    render = ModelState.render
    monkeypatch.setattr(
        ModelState, "render", lambda self, apps: made.append(self.name) or render(self, apps)
    )
    state = ProjectState()
    assert not state.apps.get_models()  # the classes are there, as while migrating

    CREATE.state_forwards("library", state)
    assert state.apps.get_model("library", "Book")._meta.get_field("shelf").related_model
    assert sorted(made) == ["Book", "Shelf"]
