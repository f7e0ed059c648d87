"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ablation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ablation")),
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("applied_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
    )
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.create_index("ix_intent_state", ["state"], unique=False)

    op.create_table(
        "lease",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Float(), nullable=False),
        sa.Column("heartbeat", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Float(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("frames_per_second", sa.Float(), nullable=True),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ablation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("predictions", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("dataset_path", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("memory_size", sa.Integer(), nullable=True),
        sa.Column("memory_mode", sa.String(), nullable=True),
        sa.Column("position", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("scorable", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("videos", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("videos_done", sa.Integer(), nullable=False),
        sa.Column("videos_failed", sa.Integer(), nullable=False),
        sa.Column("frames_done", sa.Integer(), nullable=False),
        sa.Column("score_kind", sa.String(), nullable=False),
        sa.Column("other_scores", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("jf_mean", sa.Float(), nullable=True),
        sa.Column("j_mean", sa.Float(), nullable=True),
        sa.Column("j_recall", sa.Float(), nullable=True),
        sa.Column("j_decay", sa.Float(), nullable=True),
        sa.Column("f_mean", sa.Float(), nullable=True),
        sa.Column("f_recall", sa.Float(), nullable=True),
        sa.Column("f_decay", sa.Float(), nullable=True),
        sa.Column("decode_s", sa.Float(), nullable=False),
        sa.Column("inference_s", sa.Float(), nullable=False),
        sa.Column("write_s", sa.Float(), nullable=False),
        sa.Column("evaluation_s", sa.Float(), nullable=False),
        sa.Column("busy_s", sa.Float(), nullable=False),
        sa.Column("active_s", sa.Float(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("notes", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["ablation_id"], ["ablation.id"], name=op.f("fk_run_ablation_id_ablation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_run_fingerprint")),
        sa.UniqueConstraint("name", name=op.f("uq_run_name")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_state", ["state"], unique=False)

    op.create_table(
        "server_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("notes", sa.String(), nullable=False),
        sa.Column("entered_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_server_score_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_score")),
    )
    op.create_table(
        "video_task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("video", sa.String(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("annotated", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("frames_done", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("j_mean", sa.Float(), nullable=True),
        sa.Column("f_mean", sa.Float(), nullable=True),
        sa.Column("decode_s", sa.Float(), nullable=True),
        sa.Column("inference_s", sa.Float(), nullable=True),
        sa.Column("write_s", sa.Float(), nullable=True),
        sa.Column("evaluation_s", sa.Float(), nullable=True),
        sa.Column("wall_s", sa.Float(), nullable=True),
        sa.Column("load_s", sa.Float(), nullable=True),
        sa.Column("peak_gpu_bytes", sa.Integer(), nullable=True),
        sa.Column("device_name", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_video_task_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_task")),
        sa.UniqueConstraint("run_id", "video", name=op.f("uq_video_task_run_id")),
    )
    with op.batch_alter_table("video_task", schema=None) as batch_op:
        batch_op.create_index("ix_video_task_state", ["state", "run_id"], unique=False)

    op.create_table(
        "failure_episode",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("worst_frame", sa.Integer(), nullable=False),
        sa.Column("worst_score", sa.Float(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["video_task.id"], name=op.f("fk_failure_episode_task_id_video_task"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "object_id", "start", name=op.f("pk_failure_episode")),
    )
    op.create_table(
        "frame_score",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("j", sa.Float(), nullable=False),
        sa.Column("f", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["video_task.id"], name=op.f("fk_frame_score_task_id_video_task"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "object_id", "frame", name=op.f("pk_frame_score")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_score",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("j_mean", sa.Float(), nullable=False),
        sa.Column("j_recall", sa.Float(), nullable=False),
        sa.Column("j_decay", sa.Float(), nullable=False),
        sa.Column("f_mean", sa.Float(), nullable=False),
        sa.Column("f_recall", sa.Float(), nullable=False),
        sa.Column("f_decay", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["video_task.id"], name=op.f("fk_object_score_task_id_video_task"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "object_id", name=op.f("pk_object_score")),
    )


def downgrade() -> None:
    op.drop_table("object_score")
    op.drop_table("frame_score")
    op.drop_table("failure_episode")
    with op.batch_alter_table("video_task", schema=None) as batch_op:
        batch_op.drop_index("ix_video_task_state")

    op.drop_table("video_task")
    op.drop_table("server_score")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_state")

    op.drop_table("run")
    op.drop_table("worker")
    op.drop_table("lease")
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.drop_index("ix_intent_state")

    op.drop_table("intent")
    op.drop_table("ablation")
