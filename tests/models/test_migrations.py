"""The migrated schema is the models' schema, both ways, on both databases."""

from __future__ import annotations

import ast
import itertools
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.fernet import Fernet
from flask_migrate import downgrade, upgrade

from app.factory import create_app
from app.models import TikTokAccount, db
from app.settings import Secret, Settings
from tests import servers
from tests.models.rows import NOW, WHOLE, insert, seed

ROOT = Path(__file__).parents[2]
REVISIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))
counter = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """Makes addresses of new, empty databases."""
    def make() -> str:
        number = next(counter)
        if request.param == "sqlite":
            return f"sqlite:///{tmp_path / f'db{number}.sqlite3'}"
        return servers.create_database(request.getfixturevalue("postgres_url"), f"migrations_{number}")
    return make


@pytest.fixture
def empty_app(new_url, tmp_path):
    """An application on an empty database."""
    app = create_app(Settings(instance_dir=tmp_path / "instance", database_url=new_url(), redis_url="redis://127.0.0.1:1",
                              secret_key=Secret("k"), token_keys=(Secret(Fernet.generate_key().decode()),), log_level="WARNING"))
    logging.getLogger().handlers[:] = []
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    app.extensions["oncue"].tiktok.close()


@pytest.fixture
def models_engine(new_url):
    """A database whose tables were made from the models."""
    engine = sa.create_engine(new_url().replace("postgresql://", "postgresql+psycopg://"))
    db.metadata.create_all(engine)
    yield engine
    engine.dispose()


def described(engine: sa.Engine) -> dict[str, dict]:
    """Everything that the database says about its tables, in a form that can be compared."""
    inspector = sa.inspect(engine)
    return {table: {
        "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)},
        "primary key": (inspector.get_pk_constraint(table)["name"], inspector.get_pk_constraint(table)["constrained_columns"]),
        "foreign keys": sorted((f["name"], f["constrained_columns"], f["referred_table"], f["referred_columns"], str(f["options"]))
                               for f in inspector.get_foreign_keys(table)),
        "uniques": sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(table)),
        "indexes": sorted((i["name"], i["column_names"], bool(i["unique"]), sorted((k, str(v)) for k, v in i["dialect_options"].items()))
                          for i in inspector.get_indexes(table)),
        "checks": sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table)),
    } for table in inspector.get_table_names() if table != "alembic_version"}


def test_migrated_tables_are_those_of_the_models(empty_app, models_engine):
    upgrade()
    migrated, modelled = described(db.engine), described(models_engine)
    assert set(migrated) == set(modelled) == set(db.metadata.tables)
    for table in modelled:
        assert migrated[table] == modelled[table], table


def test_the_comparison_sees_a_check_that_a_migration_forgot(new_url, models_engine):
    metadata = sa.MetaData(naming_convention=db.metadata.naming_convention)
    for table in db.metadata.sorted_tables:
        table.to_metadata(metadata)
    targets = metadata.tables["post_targets"]
    targets.constraints.remove(next(c for c in targets.constraints if c.name == "ck_post_targets_lease_whole"))
    engine = sa.create_engine(new_url().replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    differing = [table for table, found in described(engine).items() if found != described(models_engine)[table]]
    engine.dispose()
    assert differing == ["post_targets"]


def test_the_beat_s_index_holds_only_what_waits(empty_app):
    upgrade()
    index = next(i for i in sa.inspect(db.engine).get_indexes("post_targets") if i["name"] == "ix_post_targets_due_at")
    where = index["dialect_options"][f"{db.engine.dialect.name}_where"]
    assert "due_at IS NOT NULL" in str(where)


def test_no_further_migration_is_pending(empty_app):
    upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_an_empty_database_goes_up_down_and_up(empty_app):
    upgrade()
    first = described(db.engine)
    downgrade(revision="base")
    assert described(db.engine) == {}
    upgrade()
    assert described(db.engine) == first


def test_a_database_in_use_goes_up_down_and_up(empty_app):
    upgrade()
    with db.engine.begin() as connection:
        seed(connection)
    first = described(db.engine)
    downgrade(revision="base")
    assert described(db.engine) == {}
    upgrade()
    assert described(db.engine) == first
    with db.engine.begin() as connection:
        seed(connection)
        assert all(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 1 for table in WHOLE)


def test_a_consent_is_as_old_as_the_last_connection_in_the_history(empty_app):
    upgrade(revision="0001")
    later = NOW + timedelta(days=3)
    with db.engine.begin() as connection:
        for table in ("workspaces", "tiktok_accounts"):
            insert(connection, table, without=("authorized_at",))
        insert(connection, "tiktok_accounts", without=("authorized_at",), id=2, open_id="-000other")
        history = [("account.connected", NOW), ("account.reconnected", later), ("account.lost", NOW + timedelta(days=9))]
        for number, (kind, at) in enumerate(history):
            insert(connection, "events", id=number, kind=kind, account_id=1, created_at=at)
    first = described(db.engine)
    upgrade(revision="0002")
    with db.engine.connect() as connection:
        found = connection.execute(sa.select(TikTokAccount.authorized_at).order_by(TikTokAccount.id)).scalars().all()
    assert found == [later, NOW]
    downgrade(revision="0001")
    assert described(db.engine) == first


def test_the_same_bytes_in_several_rows_become_the_first_of_them(empty_app):
    upgrade(revision="0007")
    later = ("is_rotated", "alt_text", "search_text", "week_starts_on")
    with db.engine.begin() as connection:
        for table in ("workspaces", "users", "media_files"):
            insert(connection, table, without=later)
        insert(connection, "media_files", without=later, id=2, sha256="1" * 64)
        insert(connection, "media_files", without=later, id=3)
        insert(connection, "posts", media_file_id=3)
        insert(connection, "post_photos", media_file_id=3)
        insert(connection, "post_photos", position=1, media_file_id=2)
    upgrade(revision="0008")
    with db.engine.connect() as connection:
        assert connection.scalars(sa.text("SELECT id FROM media_files ORDER BY id")).all() == [1, 2]
        assert connection.scalar(sa.text("SELECT media_file_id FROM posts")) == 1
        assert connection.scalars(sa.text("SELECT media_file_id FROM post_photos ORDER BY position")).all() == [1, 2]


def test_migrating_twice_changes_nothing(empty_app):
    upgrade()
    with db.engine.begin() as connection:
        seed(connection)
    upgrade()
    with db.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM post_targets")) == 1


def test_a_later_migration_may_rebuild_a_table_that_others_point_at(empty_app, tmp_path):
    upgrade()
    with db.engine.begin() as connection:
        seed(connection)
    directory = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", directory)
    head = ScriptDirectory(str(directory)).get_current_head()
    (directory / "versions" / "99991231_rebuild.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = 'rebuild', '{head}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('workspaces') as batch:\n"
        "        batch.alter_column('name', type_=sa.String(120), existing_type=sa.String(255))\n"
        "def downgrade():\n    pass\n", encoding="utf-8")
    upgrade(directory=str(directory))
    with db.engine.connect() as connection:
        counts = {table: connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in WHOLE}
    assert counts == dict.fromkeys(WHOLE, 1), "no row was lost"


def test_after_a_migration_in_the_same_process_foreign_keys_still_hold(empty_app):
    upgrade()
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        else:
            assert connection.exec_driver_sql("SHOW session_replication_role").scalar() == "origin"


def test_history_is_one_line():
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert len(list(script.walk_revisions())) == len(REVISIONS)


@pytest.mark.parametrize("path", REVISIONS, ids=lambda path: path.name)
def test_a_migration_imports_nothing_of_the_application(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.split(".")[0] == "app"]
