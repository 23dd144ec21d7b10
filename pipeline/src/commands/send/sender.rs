//! Sends records one after another: pace, progress, and up to where everything is acknowledged.
//!
//! Owns the loop, the signals and the summary. Must never look into a record.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fuma_connectors::files::{self, Block, FeedFile, LastLine};
use fuma_connectors::kafka::{Publisher, RawRecord};
use fuma_schemas::Feed;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::SendArguments;
use super::input::{self, Input};
use super::pace::Pace;
use super::resume::{Known, Resume, Sent};
use crate::commands::screen::Screen;
use crate::commands::{CommandError, FAILED, INTERRUPTED};

/// A file is read in blocks of this size.
const BLOCK_BYTES: usize = 1 << 20;
/// The bar and the state file are written this often.
const NOTE_EVERY: Duration = Duration::from_millis(500);
/// The clock is looked at after this many records, where no rate is asked for.
const LOOK_EVERY: u64 = 1024;
/// Where records lie is looked up at the latest when so many are not looked up.
const LINES_HELD: usize = 65_536;
/// As many rows that cannot be read are named.
const BAD_ROWS_SHOWN: usize = 10;

/// Sends files or standard input.
pub(super) fn run(arguments: &SendArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let input = input::read(&arguments.what, screen)?;
    let mut sender = Sender::new(arguments, screen)?;
    match &input {
        Input::Standard(_) if arguments.resume.is_some() => {
            return Err(CommandError::Input("--resume is for files: standard input has no place to go on".to_owned()));
        }
        Input::Standard(feed) => sender.send_standard_input(*feed)?,
        Input::Files(files) => {
            sender.end_on_signals()?;
            files.iter().try_for_each(|file| sender.send_file(file))?;
        }
    }
    sender.finish(screen)
}

/// A file that was begun.
struct Begun {
    path: String,
    /// What is noted of it before anything of it is acknowledged.
    state: Sent,
    /// How many of its records were acknowledged before.
    before: u64,
    /// The number of the first record that was sent of it now.
    first: u64,
    /// How many were.
    sent: u64,
    /// How many of them had an end of line, once the last line was sent without one.
    ended: Option<u64>,
    /// Whether it was read to its end, and no line left.
    is_read: bool,
}

struct Sender {
    publisher: Publisher,
    pace: Pace,
    resume: Option<Resume>,
    /// For how long a file stands still before its last line is sent without an end (with a state file).
    settle: Duration,
    /// What is told at the end.
    notes: Vec<String>,
    begun: Vec<Begun>,
    /// Where the records lie that are not answered yet: their number, the name of the input, the line.
    lines: VecDeque<(u64, Arc<str>, u64)>,
    bad_rows: u64,
    /// Those of them that no topic takes.
    refused: u64,
    bad_rows_shown: Vec<String>,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    clock: Instant,
    noted: Duration,
    skipped: u64,
    /// Why the rest of a file is passed over.
    failed: Option<CommandError>,
}

impl Sender {
    fn new(arguments: &SendArguments, screen: &Screen) -> Result<Sender, CommandError> {
        let bar = if screen.draws_progress() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        #[expect(clippy::disallowed_methods, reason = "a rate, and how long it took")]
        let clock = Instant::now();
        let configured = arguments.kafka.configuration()?;
        Ok(Sender {
            publisher: Publisher::new(&arguments.kafka.connection_of(&configured.kafka)?)?,
            pace: Pace::new(arguments.rate),
            resume: arguments.resume.as_deref().map(Resume::open).transpose()?,
            settle: configured.watch.settle,
            notes: Vec::new(),
            begun: Vec::new(),
            lines: VecDeque::new(),
            bad_rows: 0,
            refused: 0,
            bad_rows_shown: Vec::new(),
            stop: Arc::default(),
            bar,
            clock,
            noted: Duration::ZERO,
            skipped: 0,
            failed: None,
        })
    }

    /// The first signal ends after what is under way, the second at once.
    fn end_on_signals(&self) -> Result<(), CommandError> {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&self.stop))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&self.stop)))
                .map_err(|error| CommandError::Other(format!("signals: {error}")))?;
        }
        Ok(())
    }

    fn send_standard_input(&mut self, feed: Feed) -> Result<(), CommandError> {
        self.publisher.expect_topic(feed)?;
        let input = io::stdin().lock();
        let mut failed = None;
        let name = Arc::from("standard input");
        let read = files::read_lines(input, &mut |block| {
            self.refuse("standard input", &block);
            let lines = (block.first_line..).zip(block.bytes.split(|byte| *byte == b'\n'));
            let sent = lines.into_iter().try_for_each(|(number, line)| self.send(feed, (&name, number), line));
            failed = sent.err();
            failed.is_none()
        });
        read.map_err(|source| CommandError::Read { path: "standard input".into(), source })?;
        failed.map_or(Ok(()), Err)
    }

    fn send_file(&mut self, file: &FeedFile) -> Result<(), CommandError> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.publisher.expect_topic(file.feed)?;
        let cannot = |source| CommandError::Read { path: file.path.clone(), source };
        // The same file, wherever it is named from.
        let path = std::fs::canonicalize(&file.path).map_err(cannot)?.display().to_string();
        if self.resume.is_none() {
            self.begin(path, Sent::default(), 0);
            files::read(file, BLOCK_BYTES, &mut |block| self.send_block(file, &block, &mut 0))?;
            return self.failed.take().map_or(Ok(()), Err);
        }
        let bytes = std::fs::metadata(&file.path).map_err(cannot)?.len();
        let recognised = self.resume.as_ref().map(|resume| resume.recognise(&path, &file.path, bytes));
        let Some((known, state)) = recognised.transpose().map_err(cannot)? else { return Ok(()) };
        let before = match known {
            Known::Whole => {
                self.notes.push(format!("{path}: all of it was sent before"));
                return Ok(());
            }
            Known::Begun(records) => records,
            Known::New => 0,
            Known::Changed => {
                self.notes.push(format!("{path}: was changed or replaced since: sent again as a whole"));
                0
            }
        };
        self.begin(path, state, before);
        self.skipped += before;
        self.send_known(file, bytes, before)
    }

    fn begin(&mut self, path: String, state: Sent, before: u64) {
        let first = self.publisher.sent();
        self.begun.push(Begun { path, state, before, first, sent: 0, ended: None, is_read: false });
    }

    /// Sends what follows a number of records; a last line without an end when the file has not changed for a while.
    fn send_known(&mut self, file: &FeedFile, bytes: u64, before: u64) -> Result<(), CommandError> {
        let read = |sender: &mut Sender, last, mut to_skip: u64| {
            files::read_part(file, bytes, BLOCK_BYTES, last, &mut |block| sender.send_block(file, &block, &mut to_skip))
        };
        let has_left = read(self, LastLine::Leave, before)?;
        let is_going_on = self.failed.is_none() && !self.stop.load(Ordering::Relaxed);
        let is_waiting = has_left && !is_settled(&file.path, self.settle);
        if is_waiting {
            let path = file.path.display();
            self.notes.push(format!("{path}: its last line has no end yet: left for the next run"));
        } else if has_left && is_going_on {
            let sent = self.begun.last_mut().map_or(0, |begun| *begun.ended.insert(begun.sent));
            read(self, LastLine::Take, before + sent)?;
        }
        if let Some(begun) = self.begun.last_mut() {
            begun.is_read = is_going_on && !is_waiting;
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Keeps what a reader refused, to be told.
    fn refuse(&mut self, name: &str, block: &Block) {
        self.bad_rows += block.refused.len() as u64;
        for row in block.refused.iter().take(BAD_ROWS_SHOWN.saturating_sub(self.bad_rows_shown.len())) {
            self.bad_rows_shown.push(format!("{name}, row {}: {}", row.line, row.why.message()));
        }
    }

    /// Reading cannot be broken off: after an error or a signal the rest is passed over.
    fn send_block(&mut self, file: &FeedFile, block: &Block, to_skip: &mut u64) {
        self.refuse(&file.name, block);
        let name = Arc::from(file.name.as_str());
        for (number, line) in (block.first_line..).zip(block.bytes.split(|byte| *byte == b'\n')) {
            if self.failed.is_some() || self.stop.load(Ordering::Relaxed) {
                return;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            if *to_skip > 0 {
                *to_skip -= 1;
                continue;
            }
            if let Err(error) = self.send(file.feed, (&name, number), line) {
                self.failed = Some(error);
            }
        }
    }

    /// Sends a line when it is due.
    fn send(&mut self, feed: Feed, (name, number): (&Arc<str>, u64), line: &[u8]) -> Result<(), CommandError> {
        let value = line.trim_ascii_end();
        if value.is_empty() {
            return Ok(());
        }
        if self.pace.is_limited() || self.publisher.sent().is_multiple_of(LOOK_EVERY) {
            self.wait_until_due()?;
        }
        self.lines.push_back((self.publisher.sent(), Arc::clone(name), number));
        self.publisher.send(feed, RawRecord { value: Some(value), ..RawRecord::default() })?;
        if self.lines.len() >= LINES_HELD {
            self.name_refused();
        }
        self.begun.last_mut().into_iter().for_each(|file| file.sent += 1);
        Ok(())
    }

    fn wait_until_due(&mut self) -> Result<(), CommandError> {
        let mut elapsed = self.clock.elapsed();
        loop {
            let wait = self.pace.wait(elapsed);
            if wait.is_zero() || self.stop.load(Ordering::Relaxed) {
                break;
            }
            self.publisher.serve(wait.min(Duration::from_millis(50)))?;
            elapsed = self.clock.elapsed();
        }
        self.pace.went(elapsed);
        if elapsed.saturating_sub(self.noted) >= NOTE_EVERY {
            self.noted = elapsed;
            self.note()?;
        }
        Ok(())
    }

    /// Keeps which lines no topic takes, to be told, and forgets where answered ones lie.
    fn name_refused(&mut self) {
        for refused in self.publisher.refused() {
            self.bad_rows += 1;
            self.refused += 1;
            let at = self.lines.binary_search_by_key(&refused.number, |(number, ..)| *number);
            let Some((_, name, line)) = at.ok().and_then(|at| self.lines.get(at)) else { continue };
            if self.bad_rows_shown.len() < BAD_ROWS_SHOWN {
                self.bad_rows_shown.push(format!("{name}, line {line}: {}", refused.why));
            }
        }
        let answered = self.publisher.acknowledged();
        while self.lines.pop_front_if(|(number, ..)| *number < answered).is_some() {}
    }

    /// Shows and writes down how far it is.
    fn note(&mut self) -> Result<(), CommandError> {
        self.name_refused();
        let (sent, acknowledged) = (self.publisher.sent(), self.publisher.acknowledged());
        if !self.bar.is_hidden() {
            let file = self.begun.last().map_or("standard input", |file| file.path.as_str());
            let (sent, acknowledged) = (HumanCount(sent), HumanCount(acknowledged));
            self.bar.set_message(format!("{file}: {sent} records sent, {acknowledged} acknowledged"));
            self.bar.tick();
        }
        let Some(resume) = &mut self.resume else { return Ok(()) };
        for file in &self.begun {
            let now = acknowledged.saturating_sub(file.first).min(file.sent);
            let is_whole = file.is_read && now == file.sent;
            let records = file.before + now.min(file.ended.unwrap_or(u64::MAX));
            resume.note(&file.path, Sent { records, is_whole, ..file.state.clone() });
        }
        resume.save()
    }

    fn finish(mut self, screen: &Screen) -> Result<ExitCode, CommandError> {
        let flushed = self.publisher.flush();
        self.note()?;
        flushed?;
        self.bar.finish_and_clear();
        let interrupted = self.stop.load(Ordering::Relaxed);
        screen.remark(&self.summary(interrupted))?;
        Ok(match (interrupted, self.bad_rows == 0) {
            (true, _) => ExitCode::from(INTERRUPTED),
            (false, true) => ExitCode::SUCCESS,
            (false, false) => ExitCode::from(FAILED),
        })
    }

    fn summary(&self, interrupted: bool) -> String {
        let records = self.publisher.acknowledged() - self.refused.min(self.publisher.acknowledged());
        let seconds = self.clock.elapsed().as_secs_f64();
        let rate = (records as f64 / seconds.max(0.001)) as u64;
        let mut text = format!("sent {} records in {seconds:.1} s ({}/s)", HumanCount(records), HumanCount(rate));
        if self.skipped > 0 {
            text.push_str(&format!("; {} were sent before", HumanCount(self.skipped)));
        }
        text.push_str(if interrupted { "; stopped before the end\n" } else { "\n" });
        self.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        if self.bad_rows > 0 {
            text.push_str(&format!(
                "not sent, because they cannot be read as records, or are too large: {}\n",
                self.bad_rows
            ));
            self.bad_rows_shown.iter().for_each(|row| text.push_str(&format!("  {row}\n")));
        }
        text
    }
}

/// Whether a file has not changed for so long, by the clock of this machine.
fn is_settled(path: &Path, settle: Duration) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    // A time to come is of another clock: the file is taken for one that stands still.
    modified.is_ok_and(|at| at.elapsed().map_or(true, |passed| passed >= settle))
}
