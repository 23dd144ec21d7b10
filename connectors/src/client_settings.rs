//! Which settings of librdkafka are the operator's to choose.
//!
//! Owns the names that are fuma's own, and why; the bounds of some numbers; what a build without TLS cannot do. Must
//! never show a value: it may be a secret.

/// Names that are refused, and the reason.
const GUARDED: &[(&str, &str)] = &[
    ("auto.offset.reset", "where reading begins is decided by committed positions and snapshots"),
    ("bootstrap.servers", "give `bootstrap` instead"),
    ("delivery.report.only.error", "a commit waits for the records, not for reports"),
    ("enable.auto.commit", "offsets are committed with what was made of them"),
    ("enable.auto.offset.store", "offsets are committed with what was made of them"),
    ("enable.gapless.guarantee", "a refused record must end its transaction, not the client"),
    ("enable.idempotence", "records must be written once and in order"),
    ("enable.partition.eof", "a restore relies on it, a reader must not have it"),
    ("group.id", "give `group` instead"),
    ("group.instance.id", "give `instance` instead: every thread needs one of its own"),
    ("group.protocol", "takeovers are built on the classic protocol"),
    ("isolation.level", "takeovers rely on reading committed records and stable offsets"),
    ("message.timeout.ms", "it follows from transaction.timeout.ms"),
    ("metadata.broker.list", "give `bootstrap` instead"),
    ("delivery.timeout.ms", "it follows from transaction.timeout.ms"),
    ("max.in.flight", "order within a partition is relied on"),
    ("max.in.flight.requests.per.connection", "order within a partition is relied on"),
    ("acks", "a record is safe only when all copies in sync have it"),
    ("request.required.acks", "a record is safe only when all copies in sync have it"),
    ("partition.assignment.strategy", "takeovers are built on cooperative-sticky"),
    ("partitioner", "partitions are chosen by person, not by the client"),
    ("transactional.id", "every thread has one of its own, to be fenced by its successor"),
];

/// Numbers that may be set, and between what.
const BOUNDED: &[(&str, u64, u64)] = &[
    ("max.poll.interval.ms", 6_000, 3_600_000),
    ("session.timeout.ms", 1_000, 300_000),
    ("transaction.timeout.ms", 2_000, 60_000),
];

/// Kerberos would take a library of the system's, and tokens somebody to fetch them.
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"];

/// Why a setting of the client is refused; none where it is the operator's to choose.
pub fn refusal(name: &str, value: &str) -> Option<String> {
    if let Some((_, why)) = GUARDED.iter().find(|(guarded, _)| *guarded == name) {
        return Some(format!("is fuma's own: {why}"));
    }
    if let Some((_, least, most)) = BOUNDED.iter().find(|(bounded, ..)| *bounded == name)
        && !value.trim().parse().is_ok_and(|number: u64| (*least..=*most).contains(&number))
    {
        return Some(format!("give a number from {least} to {most}"));
    }
    if needs_tls(name, value) && !cfg!(feature = "tls") {
        return Some("this build has no TLS: build with the feature `tls`, which is one of the defaults".to_owned());
    }
    let is_other = matches!(name, "sasl.mechanism" | "sasl.mechanisms") && !MECHANISMS.contains(&value.trim());
    is_other.then(|| format!("give one of {}: others are not built in", MECHANISMS.join(", ")))
}

/// SASL PLAIN without TLS needs nothing; everything else of the kind needs OpenSSL.
fn needs_tls(name: &str, value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    match name {
        "security.protocol" => value.contains("ssl"),
        "sasl.mechanism" | "sasl.mechanisms" => value.starts_with("scram"),
        _ => name.starts_with("ssl.") || name == "enable.ssl.certificate.verification",
    }
}

/// What a setting gives up, in words, where it makes TLS worth little: allowed, and to be said at each start.
pub fn weakness(name: &str, value: &str) -> Option<&'static str> {
    match (name, value.trim().to_ascii_lowercase().as_str()) {
        ("enable.ssl.certificate.verification", "false") => {
            Some("any server that answers gets the password, and what it sends is believed")
        }
        ("ssl.endpoint.identification.algorithm", "none") => {
            Some("a server with anybody's certificate is taken for the broker")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_needs_tls_is_refused_by_a_build_without_it() {
        let needing =
            [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "SCRAM-SHA-512"), ("ssl.ca.location", "/a")];
        for (name, value) in needing {
            assert!(needs_tls(name, value), "{name}");
            assert_eq!(refusal(name, value).is_some(), !cfg!(feature = "tls"), "{name}");
        }
        for (name, value) in [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN")] {
            assert!(!needs_tls(name, value) && refusal(name, value).is_none(), "{name}");
        }
    }

    #[test]
    fn mechanisms_that_are_not_built_in_are_refused_without_their_value() {
        for name in ["sasl.mechanism", "sasl.mechanisms"] {
            let refused = refusal(name, "GSSAPI").unwrap();
            assert!(refused.contains("SCRAM-SHA-512") && !refused.contains("GSSAPI"), "{refused}");
        }
    }

    #[test]
    fn what_makes_tls_worth_little_is_said() {
        for (name, value) in
            [("enable.ssl.certificate.verification", " False"), ("ssl.endpoint.identification.algorithm", "none")]
        {
            assert!(weakness(name, value).is_some() && !GUARDED.iter().any(|(guarded, _)| *guarded == name), "{name}");
        }
        assert_eq!(weakness("enable.ssl.certificate.verification", "true"), None);
        assert_eq!(weakness("ssl.ca.location", "none"), None);
    }
}
