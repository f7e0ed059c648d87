"""A run's number is not given again when it is deleted: a link that was copied leads to it or to nothing."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("run", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass
