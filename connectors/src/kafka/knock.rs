//! The first word with a cluster: does anybody answer, and if not, why not.
//!
//! A client that is refused tries again for ever, and whoever asks it a question only hears that nobody answered in
//! time. Why is told on the side: it is what an operator needs to know.
//!
//! Owns what a refused password or certificate is called. Must never show a value of the configuration.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{ANSWER_WAIT_MAX, code_of, now};
use crate::log::LogError;

/// How long an answer is waited for before the reasons are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For how long a connection may be refused: a name has several addresses, and one of them may answer.
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(1);

/// Notes why brokers are out of reach.
#[derive(Default)]
struct Reasons(Mutex<Noted>);

#[derive(Clone, Default)]
struct Noted {
    /// What does not pass by itself.
    refusal: Option<String>,
    /// The last one.
    last: Option<String>,
    /// Of no broker that was named is a connection under way.
    all_down: bool,
}

impl Reasons {
    fn noted(&self) -> Noted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Reasons {
    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let what = match error.rdkafka_error_code() {
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                Some("user or password was refused: check sasl.mechanism, sasl.username and sasl.password")
            }
            // A broker that wants a certificate says so after the handshake.
            code if code == Some(Code::SSL) || reason.contains("SSL alert") => Some(
                "TLS handshake failed: check ssl.ca.location, and the client certificate (ssl.certificate.location or \
                     ssl.keystore.location)",
            ),
            _ => None,
        };
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(what) = what {
            noted.refusal = Some(format!("{what} ({reason})"));
        }
        // That all are down is no reason.
        noted.all_down |= error.rdkafka_error_code() == Some(Code::AllBrokersDown);
        if error.rdkafka_error_code() != Some(Code::AllBrokersDown) {
            noted.last = Some(reason.to_owned());
        }
    }

    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {
        // The same once more.
    }
}

impl ConsumerContext for Reasons {}

/// Waits for the answer of any broker.
///
/// # Errors
/// When none comes, with the reason that the client gave.
pub(super) fn knock(config: &ClientConfig, bootstrap: &str) -> Result<(), LogError> {
    let client: BaseConsumer<Reasons> = config
        .create_with_context(Reasons::default())
        .map_err(|error| LogError::operator(format!("kafka: {}", code_of(&error))))?;
    let begun = now();
    let deadline = begun + ANSWER_WAIT_MAX;
    while client.client().fetch_cluster_id(LOOK_EVERY).is_none() {
        // The reasons wait here.
        drop(client.poll(Duration::ZERO));
        let noted = client.context().noted();
        if let Some(refusal) = noted.refusal {
            return Err(LogError::operator(format!("kafka: {bootstrap}: {refusal}")));
        }
        // Nobody listens there: to wait for ten seconds would tell nobody more.
        let refused = |reason: &String| reason.contains("Connection refused");
        let is_refused = noted.all_down && noted.last.as_ref().is_some_and(refused);
        if now() >= deadline || is_refused && begun.elapsed() >= REFUSED_WAIT_MAX {
            let reason = noted.last.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Err(LogError::transient(format!(
                "kafka: no answer from {bootstrap}: does it run there, and is security.protocol right?{reason}"
            )));
        }
    }
    Ok(())
}
