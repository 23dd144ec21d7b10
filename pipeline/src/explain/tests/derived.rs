//! What is derived is told with what stands behind it: the record of a phone, the case aboard; and never a person.

use super::*;

fn national() -> Arc<Pack> {
    policy::load(&PackSource::find("national-2020").unwrap()).unwrap()
}

const ABOARD: &str = r#""kind":"trip","mode":"rail","number":"G7311","service_date":"2021-11-04""#;

fn trip(boarded: &str, alighted: &str, carriage: u8) -> String {
    format!(r#"{ABOARD},"carriage":"{carriage}","row":7,"boarded_at":@{boarded}@,"alighted_at":@{alighted}@"#)
}

#[test]
fn a_contact_by_conveyance_names_the_case_the_conveyance_the_seats_and_how_long() {
    let feeds = Feeds::new()
        .with(
            Feed::Cases,
            BEN,
            "c1",
            "2021-11-05",
            r#""classification":"confirmed","determined_at":@2021-11-04 23:00@"#,
        )
        .with(Feed::Travel, BEN, "t1", "2021-11-05", &trip("2021-11-04 08:00", "2021-11-04 10:00", 5))
        .with(Feed::Travel, ANNA, "t2", "2021-11-05", &trip("2021-11-04 08:45", "2021-11-04 11:00", 5));
    let text = feeds.explained(&national(), "2021-11-06", ANNA);
    for line in [
        "because   aboard with the case cases src/c1, first known 2021-11-05 00:00",
        "rail G7311, service date 2021-11-04, together 2021-11-04 08:45 -> 2021-11-04 10:00 (1 h 15 min)",
        "the person: carriage 5, row 7; the case: carriage 5, row 7",
    ] {
        assert!(text.contains(line), "{line}\nis missing in\n{text}");
    }
    assert!(!text.contains(BEN) && !text.contains("name unknown"), "{text}");
    let chinese = feeds.explained_in(&national(), "2021-11-06", ANNA, Language::Chinese);
    assert!(chinese.contains("与病例 cases src/c1 同乘") && chinese.contains("1 小时 15 分钟"), "{chinese}");
}

#[test]
fn evidence_of_a_phone_names_its_record_while_the_person_holds_it() {
    let binding = r#""phone":"+999 10001","holder":"verified","since":@2021-10-01@,"until":@2021-11-03 12:00@"#;
    let region = r#""region":"330106","tier":"high","since":@2021-11-01@"#;
    let stay = r#""kind":"stay","region":"330106","source":"telecom","arrived_at":@2021-11-02 08:00@"#;
    let feeds = Feeds::new()
        .region("r1", "2021-11-01", region)
        .with(Feed::Bindings, ANNA, "b1", "2021-11-04", binding)
        .with_who(Feed::Travel, r#""phone":"0099910001""#, "s1", "2021-11-03", stay);
    let text = feeds.explained(&national(), "2021-11-06", ANNA);
    let head = "because   travel src/s1, of a phone that the person held then, first known 2021-11-04 00:00";
    assert!(text.contains(head), "{text}");
    assert!(text.contains("left 2021-11-03 12:00"), "the stay ends with the binding\n{text}");
}
