//! Apache Kafka: the ports of [`crate::log`] on it, and what the commands need besides.
//!
//! ```text
//! connection      how to reach a cluster
//! knock           the first word with it: does anybody answer, and if not, why not
//! admin           topics: made, and compared with topic_settings
//! publisher       raw records to the topics of feeds
//! dead_letters    what could not be used, to be sent again
//! changes         announced changes, live
//!
//! settings     what an operator may say, and what fuma refuses
//! client       settings -> clients; errors of the client -> LogError
//! seldom       lines that come again and again, told at a bounded rate
//! native       what the safe client lacks: many records a call, a flush without a floor, cached watermarks
//! asker        questions of all stages, by a client that is replaced when it gets no answer
//! factory      KafkaLog: checks the topics, makes the clients of the stages
//! feeds        FeedSource: raw records of all feeds
//! progress     how far a partition of a feed is read, and what is behind an offset that is not there
//! gaps         offsets that a log skips: its producer's, or the client's fault
//! append       Appender: evidence, links, dead letters
//! links        LinkSource
//! keyed        KeyedSource: partitions of a log at will, without a group
//! reference    Reference
//! decisions    Decisions
//! closing      a client on its way out, for which nobody waits without end
//! member       a member of a group whose rebalances are answered step by step
//! fetcher      reads a member's partitions, with one client while little comes and with another while much does
//! caller       calls of the client that may never come back
//! transact     one transaction after another, under two ids of its own in turn
//! sets         the records of a transaction in rounds of one message set a partition
//! resting      an id whose last transaction may not have ended
//! worker       WorkerLog: member + transact
//! restore      RestoreLog: clients of their own for taking a partition over
//! watching     Watching: positions, bounds and statuses, asked from outside
//! clock        the broker's clock, by a probe record
//! place        places in a commit at which a test may stop the process
//! ```
//!
//! Owns everything that knows rdkafka. Must never know a rule or a colour's meaning.

pub mod admin;
mod changes;
mod connection;
mod dead_letters;
mod publisher;
mod reading;
mod topic_settings;

pub use changes::{AnnouncedChange, ChangeReader};
pub use connection::Connection;
pub use dead_letters::{ATTEMPT_HEADER, DeadLetter, DeadLetters, ERROR_HEADERS};
pub use publisher::{Publisher, RawRecord, RefusedRecord};
mod append;
mod asker;
mod begun;
mod caller;
mod client;
mod clock;
mod closing;
mod decisions;
mod factory;
mod feeds;
mod fetcher;
mod gaps;
mod keyed;
mod knock;
mod links;
mod member;
mod native;
mod place;
mod progress;
mod reference;
mod resting;
mod restore;
mod seldom;
mod sets;
mod settings;
mod transact;
#[cfg(test)]
mod transact_tests;
mod watching;
mod worker;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wait_tests;

pub use factory::KafkaLog;
pub use place::on_place;
pub use seldom::lines_logged;
pub use settings::KafkaSettings;
pub use watching::KafkaWatching;
