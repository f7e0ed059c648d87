"""A second metric, and where a run's time went."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("dot_scores", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("seconds_left", sa.Float(), nullable=True))
        batch.add_column(sa.Column("gpus", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("workers_per_gpu", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("frames_per_second", sa.Float(), nullable=True))
        batch.add_column(sa.Column("load_s", sa.Float(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("wait_s", sa.Float(), nullable=False, server_default="0"))
    with op.batch_alter_table("video_task") as batch:
        batch.add_column(sa.Column("dot_scores", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("wait_s", sa.Float(), nullable=True))
        batch.add_column(sa.Column("peak_host_bytes", sa.Integer(), nullable=True))
