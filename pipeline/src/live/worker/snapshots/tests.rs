//! What a snapshot holds of what another pack announced.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::policy::{self, PackSource};

/// A person who was announced by the pack before, and is not judged again yet: a mask of the pack in force had one
/// bit for all rules that it does not have, and their ids were gone after a restart in the middle of a switch.
#[test]
fn what_another_pack_announced_keeps_its_rules() {
    let pack = policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap();
    let mut partition = Partition::seeded(Arc::clone(&pack), seed::of_process()).unwrap();
    let told = [
        (Colour::Red, &["CQ-R3", "CQ-R4"][..]),
        (Colour::Yellow, &["CQ-Y3"][..]),
        (Colour::Red, &["ZJ-R1"][..]),
        // The same rule under another colour, and none at all: green.
        (Colour::Yellow, &["ZJ-R1"][..]),
        (Colour::Green, &[][..]),
    ];
    let token = |number: usize| Person([number as u8 + 1; 16]);
    for (number, (colour, rules)) in told.iter().enumerate() {
        partition.recall(token(number), *colour, rules.iter().copied());
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let store = SnapshotStore::at(&place).unwrap();
    let snapshots = Snapshots { store, place, every: Duration::from_secs(1), records: 1, at_stop: Duration::ZERO };
    let position = Standing::default().to_text();
    let meta = Meta {
        offset: 5,
        clock_ms: 0,
        owner: "o".to_owned(),
        output_offset: None,
        written_at_ms: 0,
        rules: Vec::new(),
        position: Value::String(position),
        since_2: Since2::default(),
    };
    let mut writer = snapshots.store.begin(&series_of_partition(0), meta).unwrap();
    let mut export = Export::default();
    exported(&partition, 0..u32::MAX, true, &mut export).unwrap();
    assert!(writer.page(export));
    writer.finish_with(states(&partition));
    let written = loop {
        if let Some(written) = writer.outcome() {
            break written.unwrap();
        }
        std::thread::yield_now();
    };
    assert_eq!(written.manifest.meta.since_2.needs, ["announced-states"], "an older build refuses it by name");
    let (restored, _) = snapshots.load(0, &|_| true, &pack).unwrap().loaded.unwrap();
    for (number, (colour, rules)) in told.iter().enumerate() {
        let evidence = restored.evidence();
        let person = (0..evidence.people()).find(|person| evidence.person(*person) == Some(token(number)));
        let state = restored.all_announced().state(person.unwrap());
        assert_eq!(*state, State::new(*colour, rules.iter().copied()), "{number}");
    }
}
