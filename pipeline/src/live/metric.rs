//! The names of the metrics, each with its unit and labels (Prometheus conventions).
//!
//! ```text
//! a partition is a number            partition="3"
//! an instant is seconds since 1970   _timestamp_seconds
//! a counter ends in                  _total
//! ```
//!
//! Owns names and descriptions; `docs/metrics.md` is made from both. Must never have a person, an identity or a key as
//! a label; owners only where their number is bounded.

/// Feed records read. Labels: feed.
pub const RECORDS_IN: &str = "fuma_records_in_total";
/// Feed records rejected. Labels: feed, code.
pub const RECORDS_REJECTED: &str = "fuma_records_rejected_total";
/// Records of phones that intake wrote to their log. Labels: kind.
pub const PHONE_RECORDS: &str = "fuma_phone_records_total";
/// Records of phones that are attached to the one who holds the phone, in the partitions of this process.
pub const PHONE_RECORDS_ATTACHED: &str = "fuma_phone_records_attached";
/// Records of phones that wait for a holder, in the partitions of this process. Labels: reason (unbound, not-then,
/// several, crowded).
pub const PHONE_RECORDS_WAITING: &str = "fuma_phone_records_waiting";
/// Contacts by conveyance that hold, of the conveyances of the partitions of this process.
pub const CONVEYANCE_CONTACTS: &str = "fuma_conveyance_contacts";
/// Conveyances with more rows or pairs than one may have: nobody aboard is anybody's contact.
pub const CROWDED_CONVEYANCES: &str = "fuma_conveyances_crowded";
/// Trips that end when they begin: they meet nobody.
pub const TRIPS_WITHOUT_LENGTH: &str = "fuma_trips_without_length";
/// Pairs of people aboard on whom the pack's `aboard.sql` failed since the state was made: no contact.
pub const FAILED_PAIRS: &str = "fuma_conveyance_pairs_failed";
/// Whether a partition goes on by the old pack, because the one that is due traces in another way: 1. Labels:
/// partition.
pub const SWITCH_HELD: &str = "fuma_switch_held";
/// Feed records that were deleted before they were read: at most so many (offsets). Labels: feed.
pub const FEED_LOST: &str = "fuma_feed_records_lost_total";
/// Dead letters that the log has acknowledged. Labels: feed.
pub const DEAD_LETTERS: &str = "fuma_dead_letters_total";
/// Records that a partition has not taken for seconds: they wait, and other partitions go on. Labels: stage, topic,
/// partition.
pub const UNWRITTEN_RECORDS: &str = "fuma_unwritten_records";
/// When an owner's last accepted record of a feed was taken in. Labels: feed, owner (256; further ones: `(others)`).
pub const LAST_RECORD: &str = "fuma_feed_last_record_timestamp_seconds";
/// Evidence rows applied.
pub const EVIDENCE_ROWS: &str = "fuma_evidence_rows_total";
/// Evidence that became known more than 30 days after its last instant.
pub const EVIDENCE_VERY_LATE: &str = "fuma_evidence_very_late_total";
/// Evidence records that could not be read: damaged, or written by something else.
pub const EVIDENCE_DAMAGED: &str = "fuma_evidence_damaged_total";
/// Changes announced. Labels: from, to.
pub const CHANGES: &str = "fuma_changes_total";
/// Seconds from when the log took the feed record behind a change until the change was committed.
pub const ANNOUNCE_SECONDS: &str = "fuma_announce_seconds";
/// Transactions. Labels: outcome (commit, abort, fatal).
pub const TRANSACTIONS: &str = "fuma_transactions_total";
/// Seconds of a commit, as the worker waits for it.
pub const COMMIT_SECONDS: &str = "fuma_commit_seconds";
/// Records that wait. Labels: stage (intake, trace, attach, aboard, assess), partition (assess), slot (intake).
pub const LAG_RECORDS: &str = "fuma_lag_records";
/// How long the oldest record of evidence waits that is not committed; 0 where none waits. Labels: partition.
pub const LAG_SECONDS: &str = "fuma_lag_seconds";
/// The first offset that the evidence log holds. Labels: partition.
pub const LOG_START: &str = "fuma_log_start_offset";
/// One past the last offset of the evidence log. Labels: partition.
pub const LOG_END: &str = "fuma_log_end_offset";
/// The offset up to which evidence is committed. Labels: partition.
pub const COMMITTED: &str = "fuma_committed_offset";
/// When the log last answered how far it goes.
pub const LOG_ANSWERED: &str = "fuma_log_answered_timestamp_seconds";
/// The broker's clock less this machine's.
pub const CLOCK_SKEW: &str = "fuma_clock_skew_seconds";
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
/// Whether the emergency stop is in force (`fuma hold --all`): 1, and nothing is announced.
pub const HELD: &str = "fuma_held";
/// Publications of tiers that wait to be counted or approved.
pub const PUBLICATIONS_WAITING: &str = "fuma_publications_waiting";
/// People whose colours the publications of tiers that wait would change, as far as they are counted.
pub const PUBLICATIONS_PEOPLE: &str = "fuma_publications_waiting_people";
/// People of whom the release of the emergency stop would announce something. Labels: partition.
pub const WITHHELD: &str = "fuma_withheld_people";
/// Partitions of evidence that this process holds. Labels: state (restoring, owned, parked).
pub const PARTITIONS: &str = "fuma_partitions";
/// Partitions that the evidence has: as many as all processes together should hold.
pub const PARTITIONS_EXPECTED: &str = "fuma_partitions_expected";
/// For how long a partition has been parked. Labels: partition, reason.
pub const PARKED_SECONDS: &str = "fuma_parked_seconds";
/// Rebalances. Labels: event (assigned, revoked, lost).
pub const REBALANCES: &str = "fuma_rebalances_total";
/// Stages that were made again. Labels: stage, reason (the code of the error).
pub const STAGE_RESTARTS: &str = "fuma_stage_restarts_total";
/// People whom the sweep under way has yet to judge. Labels: partition.
pub const SWEEP_REMAINING: &str = "fuma_sweep_remaining_people";
/// Snapshots. Labels: outcome (written, failed, damaged; away: the store did not say what there is).
pub const SNAPSHOTS: &str = "fuma_snapshots_total";
/// When the newest snapshot of a partition was written. Labels: partition (`links`: the graph of contacts).
pub const SNAPSHOT_TIME: &str = "fuma_snapshot_timestamp_seconds";
/// Evidence records between the log's start and the older kept snapshot; below 0 the log has begun behind it, and that
/// snapshot is of no use (docs/recovery.md R-7). Labels: partition.
pub const SNAPSHOT_MARGIN: &str = "fuma_snapshot_margin_records";
/// Evidence records that were committed since the newest snapshot: what a restore has to read. Labels: partition.
pub const SNAPSHOT_SINCE: &str = "fuma_snapshot_records_since";
/// Feeds that accept every owner, because the configuration lists none: 1. Labels: feed.
pub const OPEN_FEEDS: &str = "fuma_feeds_open_to_everyone";
/// Files of an import that were taken. Labels: import, outcome (done, refused, repeated).
pub const IMPORT_FILES: &str = "fuma_import_files_total";
/// Records that an import made. Labels: import.
pub const IMPORT_RECORDS: &str = "fuma_import_records_total";
/// Rows that an import rejected. Labels: import, code.
pub const IMPORT_REJECTS: &str = "fuma_import_rejects_total";
/// Files that lie in the folder of an import, and are not taken yet. Labels: import.
pub const IMPORT_WAITING: &str = "fuma_import_waiting_files";
/// When an import last took a file. Labels: import.
pub const IMPORT_LAST: &str = "fuma_import_last_timestamp_seconds";
/// Reasons past their due that still hold. Labels: partition.
pub const OVERDUE: &str = "fuma_overdue_reasons";
/// Requests of `/v1`. Labels: status.
pub const API_REQUESTS: &str = "fuma_api_requests_total";
/// Streams of changes that are open.
pub const API_STREAMS: &str = "fuma_api_streams";
/// Streams of changes that the service ended. Labels: reason (slow, gone).
pub const API_STREAMS_ENDED: &str = "fuma_api_streams_ended_total";
/// Look-ups of people that are not written to the audit log yet.
pub const AUDIT_WAITING: &str = "fuma_audit_waiting_lookups";
/// Lines of the Kafka client's log. Labels: level (error, warning).
pub const KAFKA_LINES: &str = "fuma_kafka_client_lines_total";
/// This build: 1. Labels: version, engine.
pub const BUILD: &str = "fuma_build_info";
/// The policy pack that this process judges by: 1; one that it judged by, or will: 0. Labels: id, version, digest.
pub const POLICY: &str = "fuma_policy_info";
/// When the next switch of packs takes force; 0: none is decided.
pub const NEXT_SWITCH: &str = "fuma_policy_next_switch_timestamp_seconds";
/// The number of the pack that judges a partition, in the order of the switches. Labels: partition.
pub const PACK_NUMBER: &str = "fuma_policy_number";
/// Offsets of the evidence and link logs at which nothing stood in two readings: taken for markers of transactions.
pub const EVIDENCE_GAPS: &str = "fuma_evidence_gaps_total";
/// Announcements that a restore did not understand: their partition is not taken over.
pub const ANNOUNCEMENTS_STRANGE: &str = "fuma_announcements_not_understood_total";
