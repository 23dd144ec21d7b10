//! An event or two of each feed, a code change and a reject: valid as they stand, for readers and for the documents.
//!
//! Owns invented people only: the division 99 of a resident ID does not exist. Must never hold a real identity.

use serde_json::{Value, json};

use crate::Feed;

const PERSON: &str = "9f0c64bb1d6f4f6d8c4a5e0b7a3d2c1e";

/// Events of a feed: an assertion first, then whatever else the feed is worth showing.
pub(super) fn events(feed: Feed) -> Vec<Value> {
    match feed {
        Feed::Bindings => vec![json!({
            "owner": "mobile-1", "id": "bi-1", "person": PERSON, "known_at": "2021-11-01T09:00:00+08:00",
            "phone": "+86 138 0000 0001", "holder": "verified", "since": "2019-03-02T00:00:00+08:00", "until": null,
        })],
        Feed::Cases => vec![
            json!({
                "owner": "hc-330100", "id": "ca-1", "cert_type": "10", "cert_number": "990101199003070015",
                "known_at": "2021-11-08T09:12:30+08:00",
                "classification": "confirmed", "determined_at": "2021-11-08T09:12:00+08:00",
                "onset_at": "2021-11-06T20:00:00+08:00",
            }),
            retraction("hc-330100", "ca-1", "2021-11-09T10:00:00+08:00"),
        ],
        Feed::Contacts => vec![json!({
            "owner": "cdc-330100", "id": "co-1", "person": PERSON, "known_at": "2021-11-08T12:00:00+08:00",
            "degree": "close",
            "determined_at": "2021-11-08T11:30:00+08:00", "last_exposure_at": "2021-11-07T19:00:00+08:00",
            "index_case": "hc-330100/ca-1",
        })],
        Feed::ExternalCodes => vec![json!({
            "owner": "np-1", "id": "ex-1", "person": PERSON, "known_at": "2021-11-08T12:00:00+08:00",
            "province": "50", "colour": "yellow",
            "assigned_at": "2021-11-08T08:00:00+08:00", "released_at": null,
        })],
        Feed::Isolations => vec![
            json!({
                "owner": "hotel-17", "id": "is-1", "person": PERSON, "known_at": "2021-11-08T16:00:00+08:00",
                "stage": "centralised",
                "basis": "contact", "started_at": "2021-11-08T15:00:00+08:00", "due_at": "2021-11-22T00:00:00+08:00",
            }),
            json!({
                "owner": "hotel-17", "id": "is-1", "revision": 2, "person": PERSON,
                "known_at": "2021-11-22T08:05:00+08:00", "stage": "centralised",
                "basis": "contact", "started_at": "2021-11-08T15:00:00+08:00", "due_at": "2021-11-22T00:00:00+08:00",
                "ended_at": "2021-11-22T08:00:00+08:00", "outcome": "transferred", "next_stage": "monitoring",
            }),
        ],
        Feed::Listings => vec![json!({
            "owner": "cdc-330106", "id": "li-1", "person": PERSON, "known_at": "2021-11-08T18:00:00+08:00",
            "colour": "yellow",
            "approver": "hq-330100", "basis": "venue", "document": "杭防指〔2021〕35号",
            "starts_at": "2021-11-08T18:00:00+08:00",
            "expires_at": "2021-11-22T00:00:00+08:00",
        })],
        Feed::Regions => vec![json!({
            "owner": "sc", "id": "re-1", "known_at": "2021-11-08T07:00:00+08:00", "region": "330106", "tier": "medium",
            "since": "2021-11-08T00:00:00+08:00", "until": null, "authority": "浙江省疫情防控办",
        })],
        Feed::Symptoms => vec![json!({
            "owner": "clinic-5", "id": "sy-1", "cert_type": "20", "cert_number": "x 0000017",
            "known_at": "2021-11-08T10:30:00+08:00",
            "symptom": "fever", "onset_at": "2021-11-08T06:00:00+08:00", "source": "clinic",
        })],
        Feed::Tests => vec![json!({
            "owner": "lab-3", "id": "te-1", "person": PERSON, "known_at": "2021-11-08T22:01:00.250+08:00",
            "method": "nat", "result": "negative",
            "tube": "mixed", "sampled_at": "2021-11-08T09:00:00+08:00", "reported_at": "2021-11-08T22:00:00+08:00",
            "issuer_region": "330106",
        })],
        Feed::Travel => travel(),
    }
}

fn travel() -> Vec<Value> {
    vec![
        json!({
            "owner": "mobile-1", "id": "st-1", "person": PERSON, "known_at": "2021-11-07T01:00:00Z",
            "kind": "stay", "region": "3301",
            "arrived_at": "2021-11-06T21:40:00+08:00", "left_at": "2021-11-07T08:15:00+08:00", "source": "telecom",
        }),
        json!({
            "owner": "rail", "id": "tr-1", "person": PERSON, "known_at": "2021-11-07T08:30:00+08:00",
            "kind": "trip", "mode": "rail",
            "number": "G1234", "service_date": "2021-11-07", "carriage": "08", "row": 12, "seat": "F",
            "boarded_at": "2021-11-07T08:20:00+08:00",
            "alighted_at": "2021-11-07T09:35:00+08:00", "from_region": "330102", "to_region": "310112",
            "role": "passenger",
        }),
        json!({
            "owner": "mobile-1", "id": "st-2", "phone": "138-0000-0001", "known_at": "2021-11-07T01:00:00Z",
            "kind": "stay", "region": "330106", "arrived_at": "2021-11-07T08:40:00+08:00", "source": "telecom",
        }),
        json!({
            "owner": "border", "id": "en-1", "person": PERSON, "known_at": "2021-11-08T05:10:00+08:00", "kind": "entry",
            "entered_at": "2021-11-08T05:00:00+08:00", "country": "SG", "port": "PVG",
        }),
        json!({
            "owner": "mobile-1", "id": "st-1", "revision": 2, "retracted": true, "person": PERSON,
            "known_at": "2021-11-08T01:00:00Z", "kind": "stay",
        }),
    ]
}

fn retraction(owner: &str, id: &str, known_at: &str) -> Value {
    json!({
        "owner": owner, "id": id, "revision": 2, "retracted": true, "cert_type": "10",
        "cert_number": "990101199003070015", "known_at": known_at,
    })
}

/// A line of `changes.ndjson`.
pub(super) fn change_line() -> Value {
    let mut line = json!({"id": format!("{PERSON}-1636333980000"), "time": "2021-11-08T09:13:00+08:00"});
    if let (Some(line), Value::Object(value)) = (line.as_object_mut(), change_value()) {
        line.extend(value);
    }
    line
}

/// The value of a record of `fuma.code-changes.v1`.
pub(super) fn change_value() -> Value {
    json!({
        "person": PERSON, "from": "green", "to": "red", "effective_at": "2021-11-08T09:12:00+08:00",
        "colour_since": "2021-11-08T09:12:00+08:00",
        "decided_at": "2021-11-08T09:13:00+08:00",
        "reasons": [{
            "rule": "CQ-R3", "colour": "red", "clause": "渝肺炎组办发〔2021〕24号 第十一条",
            "since": "2021-11-08T09:12:00+08:00",
            "until": null, "due": "2021-11-20T00:00:00+08:00",
        }],
        "ended": [], "next_change_at": null, "policy": "chongqing-2021-24", "policy_version": "1.0.0",
    })
}

/// The headers of the record whose value is [`change_value`].
pub(super) fn change_headers() -> Value {
    json!({
        "ce_id": format!("{PERSON}-1636333980000"), "ce_source": "/fuma/chongqing",
        "ce_type": "fuma.colour-changed.v1", "ce_specversion": "1.0",
        "ce_time": "2021-11-08T09:13:00+08:00", "ce_subject": PERSON, "ce_causetime": "2021-11-08T09:12:59.871+08:00",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "content-type": "application/json",
        "ce_policydigest": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    })
}

/// A line of `rejects.ndjson`.
pub(super) fn reject() -> Value {
    json!({
        "feed": "cases", "file": "cases.ndjson", "line": 17, "code": "bad-check-digit",
        "message": "cert_number: the check digit of the resident ID is wrong",
        "raw": "{\"owner\":\"hc-330100\",\"id\":\"ca-2\",\"cert_type\":\"10\",\"cert_number\":\"990102198512240020\"}",
    })
}
