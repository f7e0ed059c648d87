"""Runs that are put away: kept, but not listed unless asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("archived", sa.Boolean(), nullable=False, server_default="0"))
