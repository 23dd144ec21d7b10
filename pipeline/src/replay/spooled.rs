//! A replay whose changes and rejects are spooled: for outputs larger than memory.
//!
//! Owns the way from the spools to the outputs.

use std::io::{self, Write};

use super::run::{Judged, New, decoded};
use super::spool::{self, Key, Spool, merge};
use super::watch::ShortGreens;
use super::{Counts, OUTPUT_BYTES, Options, Progress, ReplayError, Source};

/// What a replay came to, on disk.
pub struct Spooled {
    /// What was counted.
    pub counts: Counts,
    changes: Vec<Spool>,
    rejects: Vec<Spool>,
}

impl New for Spool {
    fn new(options: &Options) -> Spool {
        Spool::new(&options.bounds.folder, OUTPUT_BYTES / options.workers.max(1))
    }
}

/// Replays the sources.
///
/// # Errors
/// When a source cannot be read to its end, what came out cannot be kept, or on a bug.
pub fn spooled(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Spooled, ReplayError> {
    let decoded = decoded::<Spool>(sources, options, None, progress)?;
    let Judged { rejects, changes, counts, .. } = decoded.judged::<Spool>(options, progress)?;
    Ok(Spooled { counts, changes, rejects })
}

impl Spooled {
    /// Writes the changes, one JSON object a line, by decided_at, then person; and counts the short greens.
    ///
    /// # Errors
    /// When they cannot be read back, or `out` does not take them.
    pub fn write_changes(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut short = ShortGreens::default();
        lines(&self.changes, out, &mut |key, note| {
            let (decided_at, person) = spool::of_change(key);
            short.see_green(person, note == 1, decided_at);
        })?;
        self.counts.short_greens = short.count();
        Ok(())
    }

    /// Writes the rejects, one JSON object a line, by feed, file and line.
    ///
    /// # Errors
    /// When they cannot be read back, or `out` does not take them.
    pub fn write_rejects(&self, out: &mut dyn Write) -> io::Result<()> {
        lines(&self.rejects, out, &mut |_, _| {})
    }
}

fn lines(spools: &[Spool], out: &mut dyn Write, see: &mut dyn FnMut(&Key, u8)) -> io::Result<()> {
    merge(spools, &mut |key, note, line| {
        see(key, note);
        out.write_all(line).and_then(|()| out.write_all(b"\n"))
    })?;
    out.flush()
}
