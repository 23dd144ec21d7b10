//! Whole accounts, as officials see them.

use fuma_schemas::Feed;

use super::*;

/// A close contact whose order is not over; what is known on 20 November.
fn contact() -> Feeds {
    Feeds::new()
        .with(
            Feed::Contacts,
            ANNA,
            "c1",
            "2021-11-03 12:00",
            r#""degree":"close","determined_at":@2021-11-03 10:00@,"last_exposure_at":@2021-11-01 20:00@"#,
        )
        .with(
            Feed::Isolations,
            ANNA,
            "i1",
            "2021-11-03 14:00",
            r#""stage":"centralised","basis":"contact","started_at":@2021-11-03 12:00@,"due_at":@2021-11-16@"#,
        )
}

fn released(feeds: Feeds) -> Feeds {
    feeds.with(
        Feed::Isolations,
        ANNA,
        "i1",
        "2021-11-17 09:00",
        r#""revision":2,"stage":"centralised","basis":"contact","started_at":@2021-11-03 12:00@,"due_at":@2021-11-16@,
           "ended_at":@2021-11-17 08:00@,"outcome":"released""#
            .replace('\n', " ")
            .as_str(),
    )
}

#[test]
fn a_contact_overdue() {
    let text = contact().explained(zhejiang(), "2021-11-20 06:00", ANNA);
    assert_eq!(text, include_str!("contact_overdue.txt"));
}

#[test]
fn a_contact_released_in_chinese() {
    let text = released(contact()).explained_in(zhejiang(), "2021-11-18", ANNA, Language::Chinese);
    assert_eq!(text, include_str!("contact_released_zh.txt"));
}

#[test]
fn as_known_at_another_instant() {
    let feeds = released(contact());
    let text = feeds.explained(zhejiang(), "2021-11-10", ANNA);
    assert!(text.contains("RED since 2021-11-03 10:00"), "{text}");
    assert!(!text.contains("revision 2"), "{text}");
    let text = feeds.explained(zhejiang(), "2021-11-02", ANNA);
    assert!(text.contains("unknown: there is no record of this person"), "{text}");
}

#[test]
fn a_replay_by_ticks_gives_the_same_account_at_its_last_tick() {
    let feeds = released(contact());
    let all: String =
        feeds.0.iter().filter(|(feed, _)| *feed == Feed::Contacts).map(|(_, line)| line.as_str()).collect();
    let bytes: std::sync::Arc<[u8]> = all.into_bytes().into();
    let source = Source::Bytes { feed: Feed::Contacts, name: "contacts.ndjson".into(), bytes };
    let options = Options {
        pack: Arc::clone(zhejiang()),
        later: Vec::new(),
        tick: Tick::parse("1h").unwrap(),
        until: Some(at("2021-11-20 06:00")),
        workers: 2,
        intake: Arc::new(Settings::new(key())),
        bounds: Bounds::default(),
    };
    let person = Person::parse(ANNA).unwrap();
    let told = |finished: &Finished| text(finished, zhejiang(), at("2021-11-20 06:00"), person, Language::English);
    let ticked = replay::finish(std::slice::from_ref(&source), &options, &Silent).unwrap();
    let (at_once, known_at) = replay::known(&[source], &options, Some(Person::parse(ANNA).unwrap()), &Silent).unwrap();
    assert_eq!((told(&ticked), known_at), (told(&at_once), options.until));
}

#[test]
fn by_certificate_and_by_token_are_one_and_no_identity_is_shown() {
    let number = "99000119900101003X";
    let feeds = Feeds::new().with_who(
        Feed::Listings,
        &format!(r#""cert_type":"10","cert_number":"{number}""#),
        "l1",
        "2021-11-03 12:00",
        concat!(
            r#""colour":"red","approver":"hq","basis":"venue","document":"n 7","#,
            r#""starts_at":@2021-11-03@,"expires_at":@2021-11-20@"#
        ),
    );
    let token = crate::intake::person_token(&key(), "10", "990001 19900101 003x").to_string();
    let text = feeds.explained(zhejiang(), "2021-11-10", &token);
    assert!(text.contains("RED since 2021-11-03 00:00") && text.contains("listings src/l1"), "{text}");
    assert!(text.contains("2021-11-20 00:00 to green"), "{text}");
    assert!(!text.contains(&number[..17]), "{text}");
}

#[test]
fn a_reason_to_come_and_one_that_is_over() {
    let listing = r#""colour":"yellow","approver":"hq","basis":"venue","document":"n 7","#;
    let feeds = Feeds::new()
        .with(
            Feed::Listings,
            ANNA,
            "l1",
            "2021-11-03 12:00",
            &format!(r#"{listing}"starts_at":@2021-11-03@,"expires_at":@2021-11-05@"#),
        )
        .with(
            Feed::Listings,
            ANNA,
            "l2",
            "2021-11-06 12:00",
            &format!(r#"{listing}"starts_at":@2021-11-10@,"expires_at":@2021-11-12@"#),
        );
    let text = feeds.explained(zhejiang(), "2021-11-07", ANNA);
    assert!(text.contains("GREEN since 2021-11-05 00:00"), "{text}");
    assert!(text.contains("next      2021-11-10 00:00 to yellow"), "{text}");
    assert!(text.contains("REASONS TO COME") && text.contains("REASONS THAT ARE OVER"), "{text}");
    assert!(text.contains("expired: its reason ZJ-Y3 ended 2021-11-05 00:00"), "{text}");
}

#[test]
fn what_a_test_ended_is_told_with_what_would_be_without_it() {
    let feeds = Feeds::new()
        .with(
            Feed::Symptoms,
            ANNA,
            "s1",
            "2021-11-03 12:00",
            r#""symptom":"fever","onset_at":@2021-11-03 08:00@,"source":"clinic""#,
        )
        .with(
            Feed::Tests,
            ANNA,
            "t1",
            "2021-11-04 12:00",
            r#""method":"nat","result":"negative","sampled_at":@2021-11-04 08:00@,"reported_at":@2021-11-04 11:00@"#,
        );
    let text = feeds.explained(zhejiang(), "2021-11-05", ANNA);
    assert!(text.contains("2021-11-03 08:00 -> 2021-11-04 11:00"), "{text}");
    assert!(text.contains("also      tests src/t1"), "{text}");
    assert!(text.contains("without   2021-11-03 08:00 -> 2021-11-18 00:00"), "{text}");
    assert!(text.contains("it matters only for reasons that are over: ZJ-Y1"), "{text}");
}

/// I-10: of somebody with very many facts those known last are tried one by one, and it is said of how many this was
/// not.
#[test]
fn how_many_facts_were_not_tried_is_said() {
    let test = |feeds: Feeds, number: i64| {
        let fields = format!(
            r#""method":"nat","result":"negative","sampled_at":@{day} 08:00@,"reported_at":@{day} 09:00@"#,
            day = format_args!("2021-11-0{number}")
        );
        feeds.with(Feed::Tests, ANNA, &format!("t{number}"), &format!("2021-11-0{number} 10:00"), &fields)
    };
    let feeds = (1..8).fold(Feeds::new(), test);
    let person = Person::parse(ANNA).unwrap();
    let finished = feeds.known(zhejiang(), "2021-11-20", Some(person), 1);
    let partition = &finished.partitions[0];
    let number = partition.evidence().find(person).unwrap();
    let facts: Vec<(u64, Instant)> = partition
        .evidence()
        .handles(number)
        .into_iter()
        .map(|handle| (handle, partition.evidence().describe(handle).unwrap().known_at))
        .collect();
    let pairs = partition.pairs_of(number);
    let untried = |pairs_max| Effects::of(partition, number, &facts, pairs_max).unwrap().untried;
    assert_eq!((facts.len(), untried(u64::MAX), untried(0)), (7, 0, 6));
    assert_eq!(untried(3 * pairs.max(1)), 4);
    let inputs = Inputs::new(&finished.batches, at("2021-11-20"));
    let known = Known::new(&finished.partitions, &inputs, zhejiang(), at("2021-11-20"));
    let mut account = account(&known, person).unwrap();
    assert!(!render(&account, Language::English).contains("was not tried"));
    account.untried = 6;
    assert!(
        render(&account, Language::English).contains("of 6 other facts it was not tried what each of them changes")
    );
    assert!(render(&account, Language::Chinese).contains("另有 6 条未逐一核对其影响"));
    assert_eq!(json(&account)["facts_not_tried"], 6);
}
