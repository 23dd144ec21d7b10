//! A replay whose changes and rejects are spooled: for outputs larger than memory.
//!
//! Owns the way from the spools to the outputs.

use std::io::{self, Write};

use super::run::{Judged, New, decoded};
use super::spool::{self, Changes, Spool, Words, merge};
use super::watch::ShortGreens;
use super::{Counts, OUTPUT_BYTES, Options, Progress, ReplayError, Source};

/// What a replay came to, on disk.
pub struct Spooled {
    /// What was counted.
    pub counts: Counts,
    changes: Vec<Spool>,
    /// What the changes of each spool have in common.
    words: Vec<Words>,
    rejects: Vec<Spool>,
}

impl New for Spool {
    fn new(options: &Options) -> Spool {
        Spool::new(&options.bounds.folder, OUTPUT_BYTES / options.workers.max(1))
    }
}

impl New for Changes {
    fn new(options: &Options) -> Changes {
        Changes::new(<Spool as New>::new(options))
    }
}

/// Replays the sources.
///
/// # Errors
/// When a source cannot be read to its end, what came out cannot be kept, or on a bug.
pub fn spooled(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Spooled, ReplayError> {
    let decoded = decoded::<Spool>(sources, options, None, progress)?;
    let Judged { rejects, changes, counts, .. } = decoded.judged::<Changes>(options, progress)?;
    let (changes, words) = changes.into_iter().map(|Changes { spool, words }| (spool, words)).unzip();
    Ok(Spooled { counts, changes, words, rejects })
}

impl Spooled {
    /// Writes the changes, one JSON object a line, by decided_at, then person; and counts the short greens.
    ///
    /// # Errors
    /// When they cannot be read back, or `out` does not take them.
    pub fn write_changes(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (mut short, mut line, words) = (ShortGreens::default(), Vec::new(), &self.words);
        merge(&self.changes, &mut |of, key, note, bytes| {
            let (decided_at, person) = spool::of_change(key);
            short.see_green(person, note == 1, decided_at);
            let words = words.get(of).ok_or(io::ErrorKind::InvalidData)?;
            line.clear();
            words.read(key, bytes)?.write_json(&mut line);
            line.push(b'\n');
            out.write_all(&line)
        })?;
        self.counts.short_greens = short.count();
        out.flush()
    }

    /// Writes the rejects, one JSON object a line, by feed, file and line.
    ///
    /// # Errors
    /// When they cannot be read back, or `out` does not take them.
    pub fn write_rejects(&self, out: &mut dyn Write) -> io::Result<()> {
        merge(&self.rejects, &mut |_, _, _, line| out.write_all(line).and_then(|()| out.write_all(b"\n")))?;
        out.flush()
    }
}
