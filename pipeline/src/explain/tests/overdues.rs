//! The list of what is overdue.

use fuma_schemas::Feed;

use super::*;

fn feeds() -> Feeds {
    let contact = |exposed: &str| {
        format!(r#""degree":"close","determined_at":@2021-11-03 10:00@,"last_exposure_at":@{exposed}@"#)
    };
    Feeds::new()
        .with(Feed::Contacts, ANNA, "c1", "2021-11-03 12:00", &contact("2021-11-01 20:00"))
        .with(Feed::Contacts, BEN, "c2", "2021-11-03 12:00", &contact("2021-11-03 09:00"))
        .with(
            Feed::Isolations,
            CARA,
            "i1",
            "2021-11-03 14:00",
            r#""stage":"home","basis":"other","started_at":@2021-11-03 12:00@"#,
        )
}

fn listed(until: &str, open_longer_than_days: Option<i64>, workers: usize) -> Vec<(String, String, Vec<String>, i64)> {
    let pack = zhejiang();
    let finished = feeds().known(pack, until, None, workers);
    assert!(finished.batches.is_empty(), "the rows of everybody are not kept");
    let nobody = Inputs::new(&[], at(until));
    let known = Known::new(&finished.partitions, &nobody, pack, at(until));
    let found = found(&known, open_longer_than_days.map(|days| days * fuma_schemas::instant::DAY_MS)).unwrap();
    let people = found.people();
    let rows = finished.rows_of(&|person| people.contains(&person)).unwrap();
    let inputs = Inputs::new(&rows, at(until));
    let found = with_names(found, &inputs);
    let one = |one: &Overdue<'_>| {
        let rule = pack.rules[usize::from(one.rule)].head.id.clone();
        (one.person.to_string(), rule, names(one), one.over_ms / 3_600_000)
    };
    found.iter().map(one).collect()
}

#[test]
fn past_the_due_and_still_open_the_longest_first() {
    let anna = |hours| (ANNA.to_string(), "ZJ-R4".to_string(), vec!["contacts src/c1".to_string()], hours);
    let ben = |hours| (BEN.to_string(), "ZJ-R4".to_string(), vec!["contacts src/c2".to_string()], hours);
    assert_eq!(listed("2021-11-16", None, 1), [], "at its due it is not yet past it");
    assert_eq!(listed("2021-11-17", None, 1), [anna(24)]);
    for workers in [1, 3] {
        assert_eq!(listed("2021-11-20", None, workers), [anna(96), ben(48)]);
    }
}

#[test]
fn without_a_due_and_open_for_long() {
    let cara = (CARA.to_string(), "ZJ-R6".to_string(), vec!["isolations src/i1".to_string()], 396);
    let listed_all = listed("2021-11-20", Some(14), 1);
    assert_eq!((listed_all.len(), &listed_all[0]), (3, &cara));
    assert_eq!(listed("2021-11-20", Some(17), 1).len(), 2);
}
