//! A link log that was written, or mirrored, with transactions: their ends have offsets, and no record.

use fuma_connectors::log::{LinkEvent, LinkSource};

use super::*;
use crate::live::outbox::Outbox;
use crate::live::partitions::LINKS;
use crate::live::record::Origin;
use crate::live::stop::Stop;
use crate::live::trace::halt::Shown;
use crate::live::trace::keep::Keeper;
use crate::live::trace::output::Output;
use crate::live::trace::{Stage, TOLD_MAX};

/// A fallen case, a contact of it, and the case confirmed again; `is_marked`: each is a transaction.
fn transactions(is_marked: bool) -> MemoryLog {
    let records =
        vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None]), case(0, 1, 2, false, false)];
    let whole = links(records, 1);
    let log = MemoryLog::new(Vec::new(), &[2]);
    for record in whole.written(Topic::Links, 0) {
        log.append(Topic::Links, record);
        if is_marked {
            log.mark_links();
        }
    }
    log
}

fn stage(log: &MemoryLog) -> (Stage, Box<dyn LinkSource>) {
    let origin = Origin::default();
    let stage = Stage {
        keeper: Keeper::new(None, origin),
        output: Output::new(PARTITIONS, 1, origin),
        outbox: Outbox::new("trace", ""),
        shown: Shown::default(),
        appender: log.appender(),
        state: None,
        taking: None,
        halted: None,
        stands: (0, 0),
    };
    (stage, log.links(&Stop::default()))
}

/// Turns until nothing more comes, looking at each turn where the log ends.
fn run(stage: &mut Stage, links: &mut dyn LinkSource) {
    for _ in 0..40 {
        let mut records = Vec::new();
        let event = links.poll(std::time::Duration::ZERO, &mut records).unwrap();
        stage.turn(links, (event, &records), std::time::Duration::ZERO, &Stop::default()).unwrap();
        stage.look(links, records.is_empty() && event == LinkEvent::None).unwrap();
    }
}

#[test]
fn the_ends_of_transactions_are_passed_over_and_the_graph_is_the_same() {
    let (plain, marked) = (transactions(false), transactions(true));
    for log in [&plain, &marked] {
        let (mut stage, mut links) = stage(log);
        run(&mut stage, &mut *links);
        assert!(stage.halted.is_none());
    }
    let flips = |log: &MemoryLog| {
        let verdicts = said(log).into_iter().flat_map(|(_, verdicts)| verdicts);
        verdicts.map(|verdict| (verdict.person, verdict.counts)).collect::<Vec<_>>()
    };
    assert_eq!(flips(&marked), flips(&plain));
    assert_eq!(flips(&plain).len(), 2, "fallen, and back");
    // The last marker is not noted before something comes behind it.
    assert_eq!((plain.links_committed(), marked.links_committed()), (Some(3), Some(5)));
    marked.append(Topic::Links, plain.written(Topic::Links, 0)[0].clone());
    let (mut stage, mut links) = stage(&marked);
    run(&mut stage, &mut *links);
    assert_eq!(marked.links_committed(), Some(7));
}

/// What does not come is asked for again, and then an operator is: the stage does not begin again and again.
#[test]
fn more_than_a_marker_waits_for_a_word_and_goes_on_by_itself_when_it_comes_after_all() {
    for comes_after_all in [false, true] {
        let log = transactions(false);
        log.mark_links();
        log.mark_links();
        let (mut stage, mut links) = stage(&log);
        run(&mut stage, &mut *links);
        let wanted = stage.halted.clone().expect("parked");
        assert_eq!((wanted.goes_on, stage.stands), (5, (3, TOLD_MAX + 1)));
        if comes_after_all {
            let value = log.written(Topic::Links, 0)[0].clone();
            log.unmark_links(&[(3, value.clone()), (4, value)]);
        } else {
            stage.shown.words().accept(wanted.reason, LINKS, wanted.digest);
        }
        run(&mut stage, &mut *links);
        assert!(stage.halted.is_none());
        assert_eq!(log.links_committed(), Some(5));
    }
}
