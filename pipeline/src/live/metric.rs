//! The names of the metrics, each with its unit and labels (Prometheus conventions).
//!
//! Owns names and descriptions. Must never have a person, an owner's id or a key as a label.

/// Feed records read. Labels: feed.
pub const RECORDS_IN: &str = "fuma_records_in_total";
/// Feed records rejected. Labels: feed, code.
pub const RECORDS_REJECTED: &str = "fuma_records_rejected_total";
/// Records of phones: written to their log, attached to nobody yet. Labels: kind.
pub const PHONE_RECORDS: &str = "fuma_phone_records_total";
/// Feed records that were deleted before they were read: at most so many (offsets). Labels: feed.
pub const FEED_LOST: &str = "fuma_feed_records_lost_total";
/// Dead letters that the log has acknowledged. Labels: feed.
pub const DEAD_LETTERS: &str = "fuma_dead_letters_total";
/// Records that a partition has not taken for seconds: they wait, and other partitions go on. Labels: stage, topic,
/// partition.
pub const UNWRITTEN_RECORDS: &str = "fuma_unwritten_records";
/// Evidence rows applied. Labels: kind.
pub const EVIDENCE_ROWS: &str = "fuma_evidence_rows_total";
/// Evidence that became known more than 30 days after its last instant.
pub const EVIDENCE_VERY_LATE: &str = "fuma_evidence_very_late_total";
/// Evidence records that could not be read: damaged, or written by something else.
pub const EVIDENCE_DAMAGED: &str = "fuma_evidence_damaged_total";
/// Changes announced. Labels: from, to.
pub const CHANGES: &str = "fuma_changes_total";
/// Transactions. Labels: outcome (commit, abort, fatal).
pub const TRANSACTIONS: &str = "fuma_transactions_total";
/// Seconds of a commit, as the worker waits for it.
pub const COMMIT_SECONDS: &str = "fuma_commit_seconds";
/// Records that wait. Labels: stage (intake, trace, assess), partition for assess.
pub const LAG_RECORDS: &str = "fuma_lag_records";
/// Seconds between the log's timestamp of the newest evidence judged and now. Labels: partition.
pub const LAG_SECONDS: &str = "fuma_lag_seconds";
/// Seconds from assignment to the first page of a restored partition.
pub const RESTORE_SECONDS: &str = "fuma_restore_seconds";
/// Rows of state. Labels: partition.
pub const STATE_ROWS: &str = "fuma_state_rows";
/// Bytes of state. Labels: partition.
pub const STATE_BYTES: &str = "fuma_state_bytes";
/// People by announced colour. Labels: partition, colour.
pub const PEOPLE: &str = "fuma_people";
/// People who keep the state that was announced, because they cannot be judged. Labels: partition, reason (crowded:
/// more facts than a person may have; failed: a rule fails on them).
pub const LEFT_OUT: &str = "fuma_people_left_out";
/// Partitions that this process owns.
pub const PARTITIONS: &str = "fuma_partitions_assigned";
/// Rebalances. Labels: event (assigned, revoked, lost).
pub const REBALANCES: &str = "fuma_rebalances_total";
/// Stages that were made again. Labels: stage, reason (the code of the error).
pub const STAGE_RESTARTS: &str = "fuma_stage_restarts_total";
/// People whom the sweep under way has yet to judge. Labels: partition.
pub const SWEEP_REMAINING: &str = "fuma_sweep_remaining_people";
/// Snapshots. Labels: outcome (written, failed, damaged).
pub const SNAPSHOTS: &str = "fuma_snapshots_total";
/// When the newest snapshot of a partition was written, seconds since 1970. Labels: partition.
pub const SNAPSHOT_TIME: &str = "fuma_snapshot_time_seconds";
/// Evidence records between the log's start and the older kept snapshot; below 0 the log has begun behind it, and that
/// snapshot is of no use (docs/recovery.md R-7). Labels: partition.
pub const SNAPSHOT_MARGIN: &str = "fuma_snapshot_margin_records";
/// Feeds that accept every owner, because the configuration lists none: 1. Labels: feed.
pub const OPEN_FEEDS: &str = "fuma_feeds_open_to_everyone";
/// Reasons past their due that still hold. Labels: partition.
pub const OVERDUE: &str = "fuma_overdue_reasons";
