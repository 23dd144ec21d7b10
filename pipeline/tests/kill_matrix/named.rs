//! Members with names of their own (static membership): a restart moves no partition, and of two with one name only the
//! later stays.

use std::fs;

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, Process, ZHEJIANG};
use crate::surroundings::comes;

impl Installation {
    /// Starts a process under a name in the group.
    fn start_named(&self, name: &str, instance: &str) -> Process {
        let mut command = self.service(name, ZHEJIANG);
        command.env("FUMA__KAFKA__INSTANCE", format!("{}{instance}", self.prefix));
        Process::spawn(command, self.folder.path().join(format!("{name}.log")))
    }

    /// How often a process said something, over all its starts.
    fn times(&self, name: &str, text: &str) -> usize {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap().matches(text).count()
    }
}

#[test]
fn a_rolling_restart_moves_no_partition() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, second] = feeds().halves();
    let one = installation.start_named("one", "a");
    let two = installation.start_named("two", "b");
    // Four partitions: two each, once both have come; who came first had all four for a moment.
    let both = || ["one", "two"].iter().all(|name| installation.times(name, "restored partition") >= 2);
    assert!(comes(both), "{}", installation.logs());
    installation.send(&[&first], "900").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());

    let restored = installation.times("one", "restored partition");
    let moves = |name: &str| installation.times(name, " assigned ") + installation.times(name, " revoked ");
    let moved = moves("two");
    assert!(one.end());
    let one = installation.start_named("one", "a");
    assert!(comes(|| installation.times("one", "restored partition") == restored + 2), "{}", installation.logs());
    installation.send(&[&second], "900").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());
    assert_eq!(moves("two"), moved, "nothing moved at the other: {}", installation.logs());

    // One that comes under a name that is taken: who had it ends, and says why.
    let twin = installation.start_named("twin", "a");
    assert!(comes(|| installation.times("one", "the same kafka.instance") == 1), "{}", installation.logs());
    assert!(!one.end(), "it ended by itself");
    assert!(comes(|| installation.times("twin", "restored partition") == 2), "{}", installation.logs());
    assert!(twin.end() && two.end(), "{}", installation.logs());
}
