//! Why a partition may be parked: a closed list.
//!
//! Owns code, advice and who can help. The advice must be true: a test follows it.

use std::time::Duration;

use fuma_connectors::log::Code;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $helps:ident, $advice:literal;)+) => {
        /// Why a partition is parked.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ParkReason { $($(#[doc = $doc])+ $name,)+ }

        impl ParkReason {
            /// Every reason.
            pub const ALL: &[ParkReason] = &[$(ParkReason::$name,)+];

            /// The stable code: label of metrics, word of `fuma accept`.
            pub fn code(self) -> &'static str {
                match self { $(ParkReason::$name => $code,)+ }
            }

            /// What an operator does about it, in a sentence.
            pub fn advice(self) -> &'static str {
                match self { $(ParkReason::$name => $advice,)+ }
            }

            fn helps(self) -> Helps {
                match self { $(ParkReason::$name => Helps::$helps,)+ }
            }
        }
    };
}

/// What lets a parked partition go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Helps {
    /// Time.
    Time,
    /// Somebody repairs what is named; then it is tried again by itself.
    Repair,
    /// An operator's word.
    Word,
}

reasons! {
    /// Nobody leads a partition of the log, so it can be neither read nor written.
    NoLeader = "no-leader", Time, "start the brokers that hold the partition; it goes on by itself";
    /// The log does not answer.
    NoAnswer = "no-answer", Time, "look at the brokers and the network; it goes on by itself";
    /// Another process took the partition over meanwhile.
    Overtaken = "overtaken", Time, "nothing: the group decides who has it, and it is tried again";
    /// Records were passed over by the client.
    Skipped = "records-skipped", Time, "nothing at first: it is read again; if it stays, look at who writes to the log";
    /// The records of regions that the position has seen are not here yet.
    Reference = "reference-behind", Time, "look at the topic of regions; it goes on when the records are there";
    /// A transaction of another does not end.
    Hanging = "hanging-transaction", Repair,
        "end the transaction with kafka-transactions.sh, as the message says; it goes on by itself";
    /// The store of snapshots does not answer.
    Store = "store-away", Time, "bring the store of snapshots back, readable; it goes on by itself";
    /// The evidence log ends before what was judged.
    Behind = "log-behind", Time, "look at the replicas of the partition: if records were lost, bring them back";
    /// Records between snapshot and position are not handed out by the log.
    ShortRead = "short-read", Time, "nothing at first: it is read again; if it stays, look at the partition's replicas";
    /// The last owner wrote snapshots, and where this process looks there are none.
    SnapshotsGone = "snapshots-gone", Time,
        "use the same snapshots.url as the last owner, or bring its folder back; it goes on by itself";
    /// The topic of changes ends before what was read of it.
    OutputShorter = "output-shorter", Repair, "bring the topic of changes back as it was; do not create it again";
    /// A record of the topic of changes is not understood.
    Announcement = "output-not-understood", Repair,
        "start a build that is at least as new, or see who else writes to the topic of changes";
    /// People were announced of whom the log holds nothing.
    NoEvidence = "evidence-lost", Repair, "bring the evidence back, or send all feeds again, before it goes on";
    /// The facts between snapshots and log are gone.
    Gap = "facts-missing", Repair, "bring a snapshot back to the place that the message names; it goes on by itself";
    /// The log does not hold the offsets where reading goes on.
    OutOfRange = "out-of-range", Repair, "see why records of the log were deleted; bring a snapshot back, if any";
    /// Position, record or snapshot are of a newer build.
    Newer = "newer-format", Repair, "start a build that is at least as new";
    /// The position names another installation, or another key.
    Foreign = "another-installation", Repair, "start with the key and the topics of this installation";
    /// A record is not understood.
    Record = "record-not-read", Repair, "start a build that is at least as new, or see who else writes to the log";
    /// A later policy pack is in force.
    Superseded = "superseded-pack", Repair, "start it again: the pack in force is read from the log";
    /// A newer engine judged.
    OlderEngine = "older-engine", Repair, "start a build that is at least as new";
    /// The engine fails on the partition.
    Engine = "engine", Repair, "report the message: the program or the pack is wrong";
    /// The broker's clock is not known any more.
    ClockUnknown = "clock-unknown", Time, "look at the clock topic and its leader; it goes on by itself";
    /// A pack is due that this process does not have.
    PackMissing = "pack-missing", Time,
        "look at the message: the pack is not in the log of packs, or this build does not load it; then start a build \
         that is at least as new";
    /// The decisions were not read to their end for too long.
    DecisionsBehind = "decisions-behind", Time, "look at the topic of decisions and its leader; it goes on by itself";
    /// The log refuses the changes of the partition.
    Refused = "changes-refused", Repair, "see in the message what the log refuses; it goes on by itself";
    /// The log refuses, and somebody has to repair it.
    Log = "log", Repair, "do as the message says; it goes on by itself";
    /// The last commit is far beyond the broker's clock.
    ClockAhead = "clock-ahead", Word, "set the clocks of this machine and of the broker right, or wait until they are";
    /// What was announced is not what the evidence gives.
    Differences = "differences", Word, "look at the list of people that the message names";
    /// Two packs trace, and the second is due: contacts by conveyance would end, and come back later.
    Retraces = "tracing-differs", Word,
        "publish the pack before at once (fuma policy publish --at-once), or agree: contacts by conveyance of the old \
         pack end at the switch, and those of the new come some seconds after, so people may turn green and red again";
    /// A record of the link log cannot be judged.
    LinkNotJudged = "link-not-judged", Word,
        "start a build that is at least as new, or see who else writes to the link log; a record that is damaged for \
         good can be passed over: what it says of cases and contacts is lost then";
    /// Links between the newest graph of contacts and the link log are gone.
    LinksMissing = "links-missing", Word,
        "bring a snapshot of trace (links) back that reaches the log: it goes on by itself; without one it can go on \
         as it is, and contacts may count whose case was withdrawn meanwhile";
}

/// The first pause before another try.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause where time helps.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause where somebody has to do something: a try reads the whole partition.
const LONGEST_FOR_PEOPLE: Duration = Duration::from_secs(300);

impl ParkReason {
    /// The reason with a code.
    pub fn parse(code: &str) -> Option<ParkReason> {
        ParkReason::ALL.iter().copied().find(|reason| reason.code() == code)
    }

    /// The reason of an error of the log.
    pub fn of_code(code: Code) -> ParkReason {
        match code {
            Code::NoLeader => ParkReason::NoLeader,
            Code::NoAnswer | Code::Passing => ParkReason::NoAnswer,
            Code::Hanging => ParkReason::Hanging,
            Code::OutOfRange => ParkReason::OutOfRange,
            Code::Skipped => ParkReason::Skipped,
            _ => ParkReason::Log,
        }
    }

    /// Whether `fuma accept` lets a partition go on.
    pub fn is_acceptable(self) -> bool {
        self.helps() == Helps::Word
    }

    /// Whether it is said of the link log, which has one partition, and not of a partition of people.
    pub fn is_of_links(self) -> bool {
        matches!(self, ParkReason::LinkNotJudged | ParkReason::LinksMissing)
    }

    /// Whether it passes without anybody.
    pub fn passes(self) -> bool {
        self.helps() == Helps::Time
    }

    /// The pause before the next try, after so many, without jitter: it doubles, up to a limit.
    pub fn pause(self, tries: u32) -> Duration {
        // To look at a clock costs nothing.
        let is_cheap = self.passes() || self == ParkReason::ClockAhead;
        let longest = if is_cheap { LONGEST } else { LONGEST_FOR_PEOPLE };
        FIRST.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(longest)
    }
}

impl std::fmt::Display for ParkReason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_told_apart_and_read_back() {
        let codes: BTreeSet<&str> = ParkReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), ParkReason::ALL.len());
        for reason in ParkReason::ALL {
            assert_eq!(ParkReason::parse(reason.code()), Some(*reason));
            assert!(!reason.advice().is_empty());
        }
        assert_eq!(ParkReason::parse("no-such-reason"), None);
    }

    #[test]
    fn pauses_grow_and_end_at_a_limit() {
        for reason in ParkReason::ALL {
            let pauses: Vec<Duration> = (1..40).map(|tries| reason.pause(tries)).collect();
            assert!(pauses.is_sorted() && pauses[0] == FIRST, "{reason}");
        }
        assert_eq!(ParkReason::NoLeader.pause(40), LONGEST);
        assert_eq!(ParkReason::Differences.pause(40), LONGEST_FOR_PEOPLE);
    }
}
