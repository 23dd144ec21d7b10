//! Each way not to count.

use fuma_schemas::Feed;

use super::*;

const CLOSE: &str = r#""degree":"close","determined_at":@2021-11-03 10:00@,"last_exposure_at":@2021-11-01 20:00@"#;
const REGION: &str = r#""region":"330106","tier":"high","since":@2021-11-01@"#;

fn stay(feeds: Feeds, id: &str, region: &str, from: &str, to: &str) -> Feeds {
    let fields =
        format!(r#""kind":"stay","region":"{region}","arrived_at":@{from}@,"left_at":@{to}@,"source":"telecom""#);
    feeds.with(Feed::Travel, ANNA, id, "2021-11-25 12:00", &fields)
}

fn zhejiang_says(feeds: &Feeds, expected: &str) {
    let text = feeds.explained(zhejiang(), "2021-12-30", ANNA);
    let (_, uncounted) = text.split_once("WHAT DOES NOT COUNT, AND WHY").unwrap_or(("", ""));
    assert!(uncounted.contains(expected), "{expected:?} is not in\n{text}");
    assert!(!text.contains(BEN) && !text.contains(CARA), "another person is shown:\n{text}");
    let chinese = feeds.explained_in(zhejiang(), "2021-12-30", ANNA, Language::Chinese);
    assert!(chinese.contains("不计入的证据"), "{chinese}");
}

#[test]
fn a_late_contact() {
    let fields = r#""degree":"close","determined_at":@2021-11-17 10:00@,"last_exposure_at":@2021-11-01 20:00@"#;
    let feeds = Feeds::new().with(Feed::Contacts, ANNA, "c1", "2021-11-18", fields);
    zhejiang_says(
        &feeds,
        "late: the window ended 2021-11-16 00:00 and the contact became known 2021-11-18 00:00; it gives no colour",
    );
}

#[test]
fn a_withdrawn_contact_with_the_whole_chain() {
    let contact = |link: &str| format!(r#"{CLOSE},{link}"#);
    let excluded = r#""revision":2,"classification":"excluded","determined_at":@2021-11-02@"#;
    let feeds = Feeds::new()
        .with(Feed::Cases, CARA, "k1", "2021-11-02", r#""classification":"suspected","determined_at":@2021-11-02@"#)
        .with(Feed::Cases, CARA, "k1", "2021-11-05", excluded)
        .with(Feed::Contacts, BEN, "c2", "2021-11-03 12:00", &contact(r#""index_case":"src/k1""#))
        .with(Feed::Contacts, ANNA, "c1", "2021-11-03 12:00", &contact(r#""index_contact":"src/c2""#));
    zhejiang_says(&feeds, "the contact is withdrawn: the records that it depends on no longer hold");
    zhejiang_says(&feeds, "contacts src/c2 does not count itself, because\n");
    zhejiang_says(&feeds, "cases src/k1 was excluded (revision 2, known 2021-11-05 00:00)");
    let before = feeds.explained(zhejiang(), "2021-11-04", ANNA);
    assert!(before.contains("RED since 2021-11-03 10:00"), "{before}");
}

#[test]
fn a_cycle_of_contacts_with_a_fallen_ground_ends() {
    let feeds = Feeds::new()
        .with(Feed::Contacts, BEN, "c2", "2021-11-03 12:00", &format!(r#"{CLOSE},"index_contact":"src/c1""#))
        .with(
            Feed::Contacts,
            ANNA,
            "c1",
            "2021-11-03 12:00",
            &format!(r#"{CLOSE},"index_contact":"src/c2","index_case":"src/k1""#),
        )
        .with(Feed::Cases, CARA, "k1", "2021-11-02", r#""retracted":true"#);
    zhejiang_says(&feeds, "cases src/k1 was retracted (revision 1, known 2021-11-02 00:00)");
}

#[test]
fn stays_that_miss() {
    let region = || Feeds::new().region("r1", "2021-11-01", REGION);
    let coarse = stay(region(), "s1", "3301", "2021-11-02", "2021-11-03");
    zhejiang_says(
        &coarse,
        "tier high (contains) 2021-11-01 00:00 -> open, regions src/r1: too coarse: only the city of the stay is known",
    );
    let early = stay(region(), "s1", "330106", "2021-10-01", "2021-10-17");
    zhejiang_says(&early, "left more than 14 days before the day of designation");
    let nowhere = stay(region(), "s1", "440106", "2021-11-02", "2021-11-03");
    zhejiang_says(&nowhere, "neither this region, nor one around it or inside it, has had a risk tier");
    let low = Feeds::new().region("r1", "2021-11-01", &REGION.replace("high", "low"));
    zhejiang_says(&stay(low, "s1", "330106001", "2021-11-02", "2021-11-03"), "no rule of this pack names the tier");
    let over = Feeds::new().region("r1", "2021-11-10", &format!(r#"{REGION},"until":@2021-11-09@"#));
    let after = stay(over, "s1", "330106", "2021-11-09", "2021-11-12");
    zhejiang_says(
        &after,
        "tier high (exact) 2021-11-01 00:00 -> 2021-11-09 00:00, regions src/r1: the tier had ended before the arrival",
    );
}

#[test]
fn expired_retracted_and_replaced() {
    let fields = concat!(
        r#""colour":"red","approver":"hq","basis":"venue","document":"n","#,
        r#""starts_at":@2021-11-03@,"expires_at":@2021-11-05@"#
    );
    let feeds = Feeds::new()
        .with(Feed::Listings, ANNA, "l1", "2021-11-03 12:00", fields)
        .with(Feed::Listings, ANNA, "l1", "2021-11-04 12:00", &format!(r#""revision":2,{fields}"#))
        .with(Feed::Contacts, ANNA, "c1", "2021-11-03 12:00", CLOSE)
        .with(Feed::Contacts, ANNA, "c1", "2021-11-04 12:00", r#""retracted":true,"revision":3"#);
    zhejiang_says(&feeds, "expired: its reason ZJ-R7 ended 2021-11-05 00:00");
    zhejiang_says(&feeds, "retracted: it does not hold and never did");
    zhejiang_says(
        &feeds,
        concat!(
            "listings src/l1, revision 1, known 2021-11-03 12:00\n",
            "  why       replaced by revision 2, known 2021-11-04 12:00"
        ),
    );
    zhejiang_says(&feeds, "replaced by a retraction, revision 3, known 2021-11-04 12:00");
}

#[test]
fn tests_that_release_nobody() {
    let test = |feeds: Feeds, method: &str, result: &str, sampled: &str| {
        let fields = format!(
            r#""method":"{method}","result":"{result}","sampled_at":@{sampled}@,"reported_at":@2021-11-05 11:00@"#
        );
        feeds.with(Feed::Tests, ANNA, "t1", "2021-11-05 12:00", &fields)
    };
    let fever = || {
        let fields = r#""symptom":"fever","onset_at":@2021-11-03 08:00@,"source":"clinic""#;
        Feeds::new().with(Feed::Symptoms, ANNA, "s1", "2021-11-03 12:00", fields)
    };
    zhejiang_says(&test(fever(), "antigen", "negative", "2021-11-04"), "no rule of this pack names method antigen");
    zhejiang_says(&test(fever(), "nat", "positive", "2021-11-04"), "no rule of this pack names result positive");
    zhejiang_says(
        &test(fever(), "nat", "negative", "2021-11-02"),
        "sampled before 2021-11-03 08:00: it must be later, because of symptoms src/s1",
    );
    zhejiang_says(
        &test(Feeds::new(), "nat", "negative", "2021-11-04"),
        "can end a reason but not start one; there was none to end",
    );
}

#[test]
fn what_this_pack_does_not_use() {
    let monitoring = r#""stage":"monitoring","basis":"contact","started_at":@2021-11-03 12:00@"#;
    let feeds = Feeds::new().with(Feed::Isolations, ANNA, "i1", "2021-11-03 14:00", monitoring);
    zhejiang_says(&feeds, "no rule of this pack names stage monitoring");
    let feeds = Feeds::new().with(Feed::Contacts, ANNA, "c1", "2021-11-03 14:00", &CLOSE.replace("close", "secondary"));
    zhejiang_says(&feeds, "no rule of this pack names degree secondary");
    let excluded = r#""classification":"excluded","determined_at":@2021-11-02@"#;
    let feeds = Feeds::new().with(Feed::Cases, ANNA, "k1", "2021-11-03 14:00", excluded);
    zhejiang_says(&feeds, "the case was excluded, so it does not count as a case");
    let code = r#""province":"50","colour":"red","assigned_at":@2021-11-02@"#;
    let feeds = Feeds::new().with(Feed::ExternalCodes, ANNA, "e1", "2021-11-03 14:00", code);
    zhejiang_says(&feeds, "no rule of this pack reads evidence of this kind");
}

#[test]
fn a_fever_without_history_is_none_in_chongqing() {
    let fields = r#""symptom":"fever","onset_at":@2021-11-03 08:00@,"source":"clinic""#;
    let feeds = Feeds::new().with(Feed::Symptoms, ANNA, "s1", "2021-11-03 12:00", fields);
    let text = feeds.explained(chongqing(), "2021-11-04", ANNA);
    assert!(text.contains("colour    GREEN\n"), "{text}");
    assert!(
        text.contains("gives no reason under this pack; rules that start from this kind: CQ-Y1 Fever, dyspnoea"),
        "{text}"
    );
}

#[test]
fn a_chain_of_a_hundred_thousand_contacts_is_walked_and_its_end_is_told() {
    let link = |number: usize| match number {
        0 => r#""index_case":"src/k1""#.to_owned(),
        number => format!(r#""index_contact":"src/c{}""#, number - 1),
    };
    let length = 100_000;
    let mut feeds = Feeds::new().with(Feed::Cases, BEN, "k1", "2021-11-02", r#""retracted":true"#);
    for number in 0..=length {
        let person = if number == length { ANNA.to_owned() } else { format!("{:032x}", number + 1) };
        feeds = feeds.with(
            Feed::Contacts,
            &person,
            &format!("c{number}"),
            "2021-11-03 12:00",
            &format!("{CLOSE},{}", link(number)),
        );
    }
    let text = feeds.explained_by(zhejiang(), "2021-11-04", ANNA, 2);
    assert!(text.contains("contacts src/c99999 does not count itself, because\n"), "{text}");
    assert!(text.contains("more records)\n"), "{text}");
    assert!(text.contains("cases src/k1 was retracted (revision 1, known 2021-11-02 00:00)"), "{text}");
    assert!(text.lines().count() < 100, "{text}");
}

#[test]
fn records_with_one_reason_are_one_entry_the_newest_first() {
    let mut feeds = Feeds::new();
    for day in ["03", "05", "04"] {
        let fields = format!(
            r#""method":"nat","result":"negative","sampled_at":@2021-11-{day}@,"reported_at":@2021-11-{day} 11:00@"#
        );
        feeds = feeds.with(Feed::Tests, ANNA, &format!("t{day}"), &format!("2021-11-{day} 12:00"), &fields);
    }
    zhejiang_says(
        &feeds,
        "- 3 records of tests, the newest first:\n    tests src/t05, revision 1, known 2021-11-05 12:00: ",
    );
    let text = feeds.explained(zhejiang(), "2021-12-30", ANNA);
    assert_eq!(text.matches("there was none to end").count(), 1, "{text}");
    let places = ["t05", "t04", "t03"].map(|id| text.find(id).unwrap());
    assert!(places.is_sorted(), "{text}");
}
