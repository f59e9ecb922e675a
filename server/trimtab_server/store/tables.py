"""The tables. Types are those that SQLite and PostgreSQL share; times are UTC nanoseconds since 1970."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is its INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

vectors = Table(
    "vectors",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("blob", ForeignKey("blobs.digest"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("concept", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("model_fingerprint", String(64), nullable=False),
    Column("method", Text, nullable=False),
    Column("data_hash", Text, nullable=False),
    Column("hidden_size", Integer, nullable=False),
    Column("layers", JSON, nullable=False),
    Column("raw_norms", JSON, nullable=False),
    Column("residual_norms", JSON, nullable=False),
    Column("pair_accuracies", JSON, nullable=False),
    Column("explained_variances", JSON, nullable=False, server_default="[]"),
    Column("noise_ceilings", JSON, nullable=False, server_default="[]"),
    Column("separations", JSON, nullable=False, server_default="[]"),
    Column("agreements", JSON, nullable=False, server_default="[]"),
    Column("license", Text, nullable=False),
    Column("suggested_strength", Float, nullable=False),
    Column("suggested_layers", JSON, nullable=False),
    Column("safe_strength", Float, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

vector_measurements = Table(
    "vector_measurements",
    metadata,
    Column("vector", ForeignKey("vectors.id"), primary_key=True),
    Column("stage", Text, primary_key=True),
    # Of the weights that were measured.
    Column("stage_digest", String(64), nullable=False),
    # The sweep and the card as JSON.
    Column("body", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(64), primary_key=True),
    # NULL while the snapshot has no name: NULLs do not collide.
    Column("display_name", String(200), nullable=True, unique=True),
    Column("description", Text, nullable=False),
    # The canonical JSON that `id` is the hash of.
    Column("body", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

snapshot_vectors = Table(
    "snapshot_vectors",
    metadata,
    Column("snapshot", ForeignKey("snapshots.id"), primary_key=True),
    Column("vector", ForeignKey("vectors.id"), primary_key=True, index=True),
)

deployments = Table(
    "deployments",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("model", Text, nullable=False),
    # The active pointer: moved by compare-and-set, never written otherwise.
    Column("revision", BigInteger, nullable=False),
    # The vector whose direction the monitors read when a request names none; "" for none.
    Column("watched_vector", String(64), nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("deployment", ForeignKey("deployments.name"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("snapshot", ForeignKey("snapshots.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # The revision undone by this one; 0 unless this is a rollback.
    Column("rolled_back", BigInteger, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("deployment", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("from_revision", BigInteger, nullable=False),
    Column("to_revision", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)

tokens = Table(
    "tokens",
    metadata,
    # Also the public part of the secret, by which it is looked up.
    Column("id", String(16), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # 0: never.
    Column("expire_time", BigInteger, nullable=False),
    # 0: not revoked.
    Column("revoke_time", BigInteger, nullable=False),
    # 0: the server's own limit.
    Column("requests_per_minute", Integer, nullable=False, server_default="0"),
    Column("tokens_per_minute", Integer, nullable=False, server_default="0"),
    # The token in whose place it was made; "" for none.
    Column("rotated_from", String(16), nullable=False, server_default=""),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False, index=True),
    # Canonical JSON: what of the decision must be the same in both calls.
    Column("facts", Text, nullable=False),
    Column("proposer", Text, nullable=False),
    Column("proposer_reason", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    # "" and 0 until there is one.
    Column("approver", Text, nullable=False),
    Column("approver_reason", Text, nullable=False),
    Column("approve_time", BigInteger, nullable=False),
    Column("canceller", Text, nullable=False),
    Column("cancel_time", BigInteger, nullable=False),
)

concepts = Table(
    "concepts",
    metadata,
    # In lower case: what vectors of this concept mean does not hang on its spelling.
    Column("name", String(200), primary_key=True),
    Column("protected", Boolean, nullable=False),
    Column("change_time", BigInteger, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("method", String(100), primary_key=True),
    Column("request_id", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("create_time", BigInteger, nullable=False),
)

canary_runs = Table(
    "canary_runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment", ForeignKey("deployments.name"), nullable=False),
    Column("snapshot", String(64), nullable=False),
    # 0 unless the snapshot was the active one.
    Column("revision", BigInteger, nullable=False),
    # A uint64, which no integer type of both databases holds.
    Column("seed", String(20), nullable=False),
    Column("rates", JSON, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("draw_hash", String(64), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # Of the stage's weights, so that a new fine-tune under the old name is noticed; "" where it is not known.
    Column("stage_digest", String(64), nullable=False, server_default=""),
    Index("ix_canary_runs_deployment_create_time", "deployment", "create_time"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("deployment", String(64), nullable=False),
    Column("signal", String(32), nullable=False),
    Column("value", Float, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("reply_id", String(32), nullable=False),
    Column("count", Integer, nullable=False),
    Column("lower", Float, nullable=True),
    Column("upper", Float, nullable=True),
    Index("ix_samples_deployment_id", "deployment", "id"),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment", ForeignKey("deployments.name"), nullable=False),
    # What the deployment served when the rollout was created, and goes on serving until a promotion.
    Column("stable_revision", BigInteger, nullable=False),
    Column("stable_snapshot", ForeignKey("snapshots.id"), nullable=False),
    Column("candidate_snapshot", ForeignKey("snapshots.id"), nullable=False),
    # The canonical JSON that `plan_hash` is the hash of. Locked: a trigger refuses to change it.
    Column("plan", Text, nullable=False),
    Column("plan_hash", String(64), nullable=False),
    # Hexadecimal; the key under which sessions are drawn for the candidate.
    Column("secret", String(64), nullable=False),
    # The rollout that this one repeats, or "".
    Column("retry_of", String(32), nullable=False),
    # The audit record of its creation, which holds the plan's hash too.
    Column("created_in_record", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # From here on it changes.
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    # 0: not yet.
    Column("start_time", BigInteger, nullable=False),
    Column("step_time", BigInteger, nullable=False),
    Column("end_time", BigInteger, nullable=False),
    # 0 unless it was promoted.
    Column("promoted_revision", BigInteger, nullable=False),
    Column("look_count", BigInteger, nullable=False),
    Column("observation_count", BigInteger, nullable=False),
    Index("ix_rollouts_deployment_create_time", "deployment", "create_time"),
    # One rollout in force per deployment, whatever the code above this believes.
    Index(
        "uq_rollouts_in_force",
        "deployment",
        unique=True,
        sqlite_where=text("state IN ('running', 'paused')"),
        postgresql_where=text("state IN ('running', 'paused')"),
    ),
)

rollout_looks = Table(
    "rollout_looks",
    metadata,
    Column("rollout", ForeignKey("rollouts.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    # The judge's own clock at the look, in seconds: a replay needs it to the last bit.
    Column("judge_time", Float, nullable=False),
    Column("step", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    # A list of findings, one of each guardrail.
    Column("findings", JSON, nullable=False),
    # What it asked for: "continue", "advance", "promote", "wait", "pause" or "abort".
    Column("action", String(16), nullable=False),
    # Observations up to this one are behind it.
    Column("observation_count", BigInteger, nullable=False),
    # The judge's state as canonical JSON, of the newest look alone; the hash of it stays with every look.
    Column("judge_state", Text, nullable=True),
    Column("judge_state_hash", String(64), nullable=False),
)

rollout_observations = Table(
    "rollout_observations",
    metadata,
    Column("rollout", ForeignKey("rollouts.id"), primary_key=True),
    # 1, 2, 3 ... in the order in which the judge saw them.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
)

replies = Table(
    "replies",
    metadata,
    # In the order in which they ended: the order in which drift saw them.
    Column("number", RowNumber, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("deployment", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("snapshot", String(64), nullable=False),
    # 0 unless the snapshot was the active one.
    Column("revision", BigInteger, nullable=False),
    # "" outside a rollout.
    Column("rollout", String(32), nullable=False),
    Column("arm", String(16), nullable=False),
    # A keyed hash; "" for a reply of no session.
    Column("session", String(64), nullable=False),
    Column("signals", JSON, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("reply_tokens", Integer, nullable=False),
    Column("queue_seconds", Float, nullable=False),
    Column("prefill_seconds", Float, nullable=False),
    Column("decode_seconds", Float, nullable=False),
    Column("stop_reason", String(16), nullable=False),
    # NULL unless the deployment opted in, and again once their own time is over.
    Column("prompt", Text, nullable=True),
    Column("reply", Text, nullable=True),
    Index("ix_replies_deployment_time", "deployment", "time"),
    Index("ix_replies_deployment_revision_number", "deployment", "revision", "number"),
    # A number is never given twice, also after the newest replies were purged: evidence is counted by it.
    sqlite_autoincrement=True,
)

retention = Table(
    "retention",
    metadata,
    Column("deployment", ForeignKey("deployments.name"), primary_key=True),
    Column("reply_days", Integer, nullable=False),
    # 0: prompts and replies are not kept.
    Column("text_days", Integer, nullable=False),
    Column("change_time", BigInteger, nullable=False),
)

drift_references = Table(
    "drift_references",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment", ForeignKey("deployments.name"), nullable=False),
    # "live" or "canary".
    Column("source", String(16), nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("stage", Text, nullable=False),
    # Of the weights of that stage, the base's included.
    Column("stage_digest", String(64), nullable=False),
    Column("reply_count", Integer, nullable=False),
    # Canonical JSON, signal -> values in the order of the replies; `hash` is its SHA-256.
    Column("signals", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("ix_drift_references_deployment_create_time", "deployment", "create_time"),
)

drift_states = Table(
    "drift_states",
    metadata,
    Column("deployment", ForeignKey("deployments.name"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("reference", String(32), nullable=False),
    # Replies up to this one are behind it; those after it are taken from `replies`.
    Column("reply_number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment", ForeignKey("deployments.name"), nullable=False),
    Column("display_name", Text, nullable=False),
    # Canonical JSON, each beside its hash. Locked: a trigger refuses to change them; prompts can only be deleted.
    Column("criteria", Text, nullable=False),
    Column("criteria_hash", String(64), nullable=False),
    Column("prompts", Text, nullable=True),
    Column("prompts_hash", String(64), nullable=False),
    Column("lanes", Text, nullable=False),
    Column("lanes_hash", String(64), nullable=False),
    # Over criteria and prompts together.
    Column("lock_hash", String(64), nullable=False),
    Column("prompt_count", Integer, nullable=False),
    Column("row_count", Integer, nullable=False),
    # Slots that a batch takes: it decides the shape of the arithmetic, so it stays with the trial.
    Column("width", Integer, nullable=False),
    # Hexadecimal; the key under which replies are shuffled for raters.
    Column("secret", String(64), nullable=False),
    Column("keep_days", Integer, nullable=False),
    # The audit record of its creation, which holds the hashes too.
    Column("created_in_record", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # From here on it changes.
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    # 0: not yet.
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    # Spent on replies, pauses left out.
    Column("seconds", Float, nullable=False),
    # "" before there is one.
    Column("verdict", String(16), nullable=False),
    Column("recommendation", String(32), nullable=False),
    # JSON of all figures, or "".
    Column("result", Text, nullable=False),
    Index("ix_trials_deployment_create_time", "deployment", "create_time"),
)

trial_rows = Table(
    "trial_rows",
    metadata,
    Column("trial", ForeignKey("trials.id"), primary_key=True),
    # Its place in the plan, from 1.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("prompt_id", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("probe", Integer, nullable=False),
    # Of its prompt, to filter by.
    Column("pressure", String(16), nullable=False),
    Column("language", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("reply", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    # NULL while nothing scored it.
    Column("score", Float, nullable=True),
    Column("prompt_tokens", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("finish_reason", String(16), nullable=False),
    Column("measures", JSON, nullable=False),
    # Why there is no reply, or "".
    Column("error", Text, nullable=False),
)

trial_ratings = Table(
    "trial_ratings",
    metadata,
    Column("trial", ForeignKey("trials.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # A token's resource name, or the judge.
    Column("rater", String(200), primary_key=True),
    Column("grade", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment", ForeignKey("deployments.name"), nullable=False),
    # Of the template it was started from; "" for none.
    Column("template", String(64), nullable=False),
    # Hexadecimal; the key of the marks of prompts.
    Column("secret", String(64), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # Open until the decision.
    Column("display_name", Text, nullable=False),
    Column("risks", Text, nullable=False),
    # Open until the criteria are locked: a trigger refuses to change them then.
    Column("goal", Text, nullable=False),
    Column("criteria_text", Text, nullable=False),
    Column("criteria_format", String(8), nullable=False),
    Column("wanted_lanes", JSON, nullable=False),
    Column("wanted_snapshot", Text, nullable=False),
    # Canonical JSON, each beside its hash; "" and 0 until they are locked.
    Column("criteria", Text, nullable=False),
    Column("criteria_hash", String(64), nullable=False),
    Column("lanes", Text, nullable=False),
    Column("lanes_hash", String(64), nullable=False),
    Column("locked_by", Text, nullable=False),
    Column("lock_reason", Text, nullable=False),
    Column("lock_time", BigInteger, nullable=False),
    # The audit record of the lock, which holds the hashes too.
    Column("locked_in_record", BigInteger, nullable=False),
    # "" until it is decided: a trigger refuses any change then.
    Column("decision", String(16), nullable=False),
    Column("decision_reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decide_time", BigInteger, nullable=False),
    # Canonical JSON: what the decision rested on.
    Column("basis", Text, nullable=False),
    Column("basis_hash", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("change_time", BigInteger, nullable=False),
    Index("ix_cases_deployment_create_time", "deployment", "create_time"),
)

case_trials = Table(
    "case_trials",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    # 1, 2, 3 ... in the order in which they were attached.
    Column("number", Integer, primary_key=True, autoincrement=False),
    # A trial is part of one case at most: prompts that were seen in one are fresh in none.
    Column("trial", ForeignKey("trials.id"), nullable=False, unique=True),
    # "small" or "confirmation".
    Column("role", String(16), nullable=False),
    # Marks of its prompts, which outlast their text.
    Column("prompt_marks", JSON, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)

case_rollouts = Table(
    "case_rollouts",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rollout", ForeignKey("rollouts.id"), nullable=False, unique=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)
