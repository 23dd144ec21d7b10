//! What a worker asks the log about its partitions while it goes on: a broker may be silent for long, and nobody but a
//! thread of its own waits for it.
//!
//! ```text
//! Refused   a commit was refused: which partitions can be written to?
//! Parked    a partition waits with its state: is it over?
//! Missing   records are not where reading goes on: of which partition?
//! Stands    does the log go on behind what came?
//! ```
//!
//! Owns the threads, few at a time, and that nothing is asked twice at once. Must never say what an answer means.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use fuma_connectors::log::{Code, EndsQuestion, LogError};

/// So many are asked at once: a fleet of partitions without a leader is no fleet of threads.
const ASKED_MAX: usize = 4;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// A commit was refused. Where changes of it were in it: for which reason, and whether it was alone in it.
    Refused(Option<(String, bool)>),
    /// It is parked, with its state.
    Parked,
    /// Some partition's records are missing.
    Missing,
    /// Nothing came of it for a while.
    Stands,
}

/// One past the last record of the output, and the offsets that the evidence holds.
pub(super) type Ends = Result<(u64, Range<u64>), LogError>;

/// An answer, of a partition.
pub(super) type Answer = (u32, About, Ends);

/// The questions under way.
#[derive(Default)]
pub(super) struct Questions {
    waiting: VecDeque<(u32, About, EndsQuestion)>,
    asked: Vec<(u32, About, Receiver<Ends>)>,
    /// Records are missing of some partition: what the log said, and whether it was found.
    pub(super) missing: Option<(String, bool)>,
    /// They are asked on the worker's own thread, for a simulation.
    pub(super) is_inline: bool,
}

impl Questions {
    /// Asks, unless that is being asked.
    pub(super) fn ask(&mut self, id: u32, about: About, question: EndsQuestion) {
        if !self.is_asking(id, &about) {
            self.waiting.push_back((id, about, question));
        }
    }

    fn is_asking(&self, id: u32, about: &About) -> bool {
        let is_same =
            |other: (u32, &About)| other.0 == id && std::mem::discriminant(other.1) == std::mem::discriminant(about);
        self.waiting.iter().any(|(id, about, _)| is_same((*id, about)))
            || self.asked.iter().any(|(id, about, _)| is_same((*id, about)))
    }

    /// Whether it is still being asked of whom records are missing.
    pub(super) fn looks_for_missing(&self) -> bool {
        let is_missing = |about: &About| *about == About::Missing;
        self.waiting.iter().any(|(_, about, _)| is_missing(about)) || self.asked.iter().any(|(_, it, _)| is_missing(it))
    }

    /// Whether it is being asked who can be written to: until that is known nothing is committed. Another transaction
    /// with a partition that nobody leads would be stuck as well, and its id with it.
    pub(super) fn looks_for_leaders(&self) -> bool {
        self.waiting.iter().any(|(_, about, _)| matches!(about, About::Refused(_)))
            || self.asked.iter().any(|(_, about, _)| matches!(about, About::Refused(_)))
    }

    /// Whether answers are waited for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.asked.is_empty()
    }

    /// An answer that has come; begins what there is room for.
    pub(super) fn answered(&mut self) -> Option<Answer> {
        while self.asked.len() < ASKED_MAX
            && let Some((id, about, question)) = self.waiting.pop_front()
        {
            self.begin(id, about, question);
        }
        let mut found = None;
        self.asked.retain(|(id, about, answer)| {
            if found.is_some() {
                return true;
            }
            let ends = match answer.try_recv() {
                Ok(ends) => ends,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => Err(LogError::new(Code::NoAnswer, "a question has no answer")),
            };
            found = Some((*id, about.clone(), ends));
            false
        });
        found
    }

    fn begin(&mut self, id: u32, about: About, question: EndsQuestion) {
        let (sender, answer) = sync_channel(1);
        let ask = move || {
            // Nobody listens when the worker has gone.
            let _ = sender.send(question());
        };
        if self.is_inline {
            ask();
        } else if let Err(error) = std::thread::Builder::new().name("worker-question".to_owned()).spawn(ask) {
            tracing::warn!(partition = id, %error, "no thread to ask the log");
        }
        self.asked.push((id, about, answer));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::channel;

    use super::*;

    /// A broker that answers nobody holds up neither whoever asks, nor more than a few threads.
    #[test]
    fn who_asks_does_not_wait_and_asks_the_same_once() {
        let mut questions = Questions::default();
        let mut held = Vec::new();
        for id in 0..ASKED_MAX as u32 + 2 {
            for _ in 0..3 {
                let (release, gate) = channel::<()>();
                held.push(release);
                let question = move || {
                    let _ = gate.recv();
                    Ok((u64::from(id), 0..1))
                };
                questions.ask(id, About::Stands, Box::new(question));
            }
        }
        questions.ask(0, About::Parked, Box::new(|| Ok((9, 0..1))));
        assert!(questions.answered().is_none());
        assert_eq!((questions.asked.len(), questions.waiting.len()), (ASKED_MAX, 3));
        drop(held);
        let mut answers = Vec::new();
        while questions.is_waiting() {
            answers.extend(questions.answered().map(|(id, about, ends)| (id, about == About::Parked, ends.unwrap().0)));
        }
        answers.sort_unstable();
        assert_eq!(
            answers,
            [(0, false, 0), (0, true, 9), (1, false, 1), (2, false, 2), (3, false, 3), (4, false, 4), (5, false, 5)]
        );
    }
}
