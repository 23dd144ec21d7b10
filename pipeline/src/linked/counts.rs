//! What waits for a holder, by reason, and what tracing leaves out: for people who watch, never for a colour.

/// Why a record of a phone is attached to nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Waiting {
    /// No verified binding names the phone.
    Unbound,
    /// Verified bindings name it, but none holds at the record's own instant.
    NotThen,
    /// Two people's bindings began at one instant, the latest.
    Several,
    /// The phone has more records or bindings than one may have.
    Crowded,
}

impl Waiting {
    /// All, in the order of the codes.
    pub const ALL: [Waiting; 4] = [Waiting::Unbound, Waiting::NotThen, Waiting::Several, Waiting::Crowded];

    /// The code: a label of a metric, and a word for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Waiting::Unbound => "unbound",
            Waiting::NotThen => "not-then",
            Waiting::Several => "several",
            Waiting::Crowded => "crowded",
        }
    }
}

/// What was counted at the end.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LinkedCounts {
    /// Records of phones that are attached to somebody.
    pub attached: u64,
    /// Those that wait, by [`Waiting::ALL`].
    pub waiting: [u64; Waiting::ALL.len()],
    /// Contacts by conveyance that hold.
    pub contacts: u64,
    /// Trips that end when they begin: they meet nobody.
    pub without_length: u64,
    /// Conveyances with more rows or pairs than one may have: nobody aboard is anybody's contact.
    pub crowded_conveyances: u64,
    /// People on whom `infectious.sql` fails, or who are crowded: what they said last about conveyances stays.
    pub left_out: u64,
    /// Pairs of trips that `aboard.sql` was asked about, again and again.
    pub pairs: u64,
    /// Pairs on which `aboard.sql` failed: no contact.
    pub failed_pairs: u64,
}

impl LinkedCounts {
    /// All records that wait.
    pub fn waiting_in_all(&self) -> u64 {
        self.waiting.iter().sum()
    }
}
