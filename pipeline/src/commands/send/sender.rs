//! Sends records one after another: pace, progress, and up to where everything is acknowledged.
//!
//! Owns the loop, the signals and the summary. Must never look into a record.

use std::io::{self, BufRead as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fuma_connectors::files::{self, Block, FeedFile};
use fuma_connectors::kafka::{Publisher, RawRecord};
use fuma_schemas::Feed;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::SendArguments;
use super::input::{self, Input};
use super::pace::Pace;
use super::resume::{Resume, Sent};
use crate::commands::screen::Screen;
use crate::commands::{CommandError, FAILED, INTERRUPTED};

/// A file is read in blocks of this size.
const BLOCK_BYTES: usize = 1 << 20;
/// The bar and the state file are written this often.
const NOTE_EVERY: Duration = Duration::from_millis(500);
/// The clock is looked at after this many records, where no rate is asked for.
const LOOK_EVERY: u64 = 1024;
/// As many rows that are none are named.
const BAD_ROWS_SHOWN: usize = 10;

/// Sends files or standard input.
pub(super) fn run(arguments: &SendArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let input = input::read(&arguments.what)?;
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
    bytes: u64,
    /// How many of its records were acknowledged before.
    before: u64,
    /// The number of the first record that was sent of it now.
    first: u64,
    /// How many were.
    sent: u64,
}

struct Sender {
    publisher: Publisher,
    pace: Pace,
    resume: Option<Resume>,
    begun: Vec<Begun>,
    bad_rows: Vec<String>,
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
        Ok(Sender {
            publisher: Publisher::new(&arguments.kafka.connection()?)?,
            pace: Pace::new(arguments.rate),
            resume: arguments.resume.as_deref().map(Resume::open).transpose()?,
            begun: Vec::new(),
            bad_rows: Vec::new(),
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
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = input.read_until(b'\n', &mut line);
            if read.map_err(|source| CommandError::Read { path: "standard input".into(), source })? == 0 {
                return Ok(());
            }
            self.send(feed, &line)?;
        }
    }

    fn send_file(&mut self, file: &FeedFile) -> Result<(), CommandError> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.publisher.expect_topic(file.feed)?;
        let cannot = |source| CommandError::Read { path: file.path.clone(), source };
        // The same file, wherever it is named from.
        let path = std::fs::canonicalize(&file.path).map_err(cannot)?.display().to_string();
        let bytes = std::fs::metadata(&file.path).map_err(cannot)?.len();
        let before = self.resume.as_ref().map_or(Ok(0), |resume| resume.acknowledged(&path, bytes))?;
        self.begun.push(Begun { path, bytes, before, first: self.publisher.sent(), sent: 0 });
        self.skipped += before;
        let mut to_skip = before;
        files::read(file, BLOCK_BYTES, &mut |block| self.send_block(file, &block, &mut to_skip))?;
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Reading cannot be broken off: after an error or a signal the rest is passed over.
    fn send_block(&mut self, file: &FeedFile, block: &Block, to_skip: &mut u64) {
        for row in &block.bad_rows {
            self.bad_rows.push(format!("{}, row {}: {}", file.name, row.line, row.message));
        }
        for line in block.bytes.split(|byte| *byte == b'\n') {
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
            if let Err(error) = self.send(file.feed, line) {
                self.failed = Some(error);
            }
        }
    }

    /// Sends a line when it is due.
    fn send(&mut self, feed: Feed, line: &[u8]) -> Result<(), CommandError> {
        let value = line.trim_ascii_end();
        if value.is_empty() {
            return Ok(());
        }
        if self.pace.is_limited() || self.publisher.sent().is_multiple_of(LOOK_EVERY) {
            self.wait_until_due()?;
        }
        self.publisher.send(feed, RawRecord { value: Some(value), ..RawRecord::default() })?;
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

    /// Shows and writes down how far it is.
    fn note(&mut self) -> Result<(), CommandError> {
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
            resume.note(&file.path, Sent { bytes: file.bytes, records: file.before + now });
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
        Ok(match (interrupted, self.bad_rows.is_empty()) {
            (true, _) => ExitCode::from(INTERRUPTED),
            (false, true) => ExitCode::SUCCESS,
            (false, false) => ExitCode::from(FAILED),
        })
    }

    fn summary(&self, interrupted: bool) -> String {
        let (records, seconds) = (self.publisher.acknowledged(), self.clock.elapsed().as_secs_f64());
        let rate = (records as f64 / seconds.max(0.001)) as u64;
        let mut text = format!("sent {} records in {seconds:.1} s ({}/s)", HumanCount(records), HumanCount(rate));
        if self.skipped > 0 {
            text.push_str(&format!("; {} were sent before", HumanCount(self.skipped)));
        }
        text.push_str(if interrupted { "; stopped before the end\n" } else { "\n" });
        if !self.bad_rows.is_empty() {
            text.push_str(&format!("not sent, for they are no rows: {}\n", self.bad_rows.len()));
            self.bad_rows.iter().take(BAD_ROWS_SHOWN).for_each(|row| text.push_str(&format!("  {row}\n")));
        }
        text
    }
}
