//! A replay whose changes and rejects are spooled: for outputs larger than memory.
//!
//! Changes take three steps on their way out, each on threads of its own: they are merged, put into words, and written.
//!
//! Owns the way from the spools to the outputs.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::run::{Judged, New, decoded};
use super::spool::{self, Changes, Key, Spool, Words, merge};
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
        let (changes, words) = (&self.changes, &self.words);
        let short = std::thread::scope(|scope| {
            let (mut merged, mut worded) = (Vec::new(), Vec::new());
            for _ in 0..changes.len().max(1) {
                let (chunks, next_chunk) = sync_channel(1);
                let (lines, next_lines) = sync_channel(1);
                merged.push(chunks);
                worded.push(next_lines);
                scope.spawn(move || put_into_words(words, &next_chunk, &lines));
            }
            let merging = scope.spawn(move || merged_chunks(changes, merged));
            let written = write_in_turn(worded, out);
            let short = merging.join().map_err(|_| io::Error::other("merging the changes ended without an answer"))?;
            // When nothing can be written, the merge ends since nobody takes what it has: that is no news.
            written.and(short)
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

/// How many bytes of changes go from step to step at once.
const CHUNK_BYTES: usize = 128 << 10;

/// Changes as they are kept, in order.
#[derive(Default)]
struct Chunk {
    /// Of each the place of its spool, its key, and where its bytes end.
    changes: Vec<(usize, Key, usize)>,
    bytes: Vec<u8>,
}

/// Merges the changes, and hands them out in turn; counts the short greens.
fn merged_chunks(changes: &[Spool], to: Vec<SyncSender<Chunk>>) -> io::Result<ShortGreens> {
    let (mut short, mut chunk, mut turns) = (ShortGreens::default(), Chunk::default(), to.iter().cycle());
    let mut hand_out = |chunk: &mut Chunk| {
        let sent = turns.next().map(|next| next.send(std::mem::take(chunk)));
        sent.and_then(Result::ok).ok_or_else(|| io::Error::other("nobody takes the changes"))
    };
    merge(changes, &mut |of, key, note, bytes| {
        let (decided_at, person) = spool::of_change(key);
        short.see_green(person, note == 1, decided_at);
        chunk.bytes.extend_from_slice(bytes);
        chunk.changes.push((of, *key, chunk.bytes.len()));
        if chunk.bytes.len() >= CHUNK_BYTES { hand_out(&mut chunk) } else { Ok(()) }
    })?;
    hand_out(&mut chunk)?;
    Ok(short)
}

/// Makes lines of chunks, until there are no more, or nobody wants them.
fn put_into_words(words: &[Words], chunks: &Receiver<Chunk>, to: &SyncSender<io::Result<Vec<u8>>>) {
    while let Ok(chunk) = chunks.recv() {
        let lines = lines_of(&chunk, words);
        if to.send(lines).is_err() {
            return;
        }
    }
}

fn lines_of(chunk: &Chunk, words: &[Words]) -> io::Result<Vec<u8>> {
    let (mut lines, mut start) = (Vec::with_capacity(8 * chunk.bytes.len()), 0);
    for (of, key, end) in &chunk.changes {
        let words = words.get(*of).ok_or(io::ErrorKind::InvalidData)?;
        words.read(key, &chunk.bytes[start..*end])?.write_json(&mut lines);
        lines.push(b'\n');
        start = *end;
    }
    Ok(lines)
}

/// Writes what comes, in the order in which it was handed out.
fn write_in_turn(from: Vec<Receiver<io::Result<Vec<u8>>>>, out: &mut dyn Write) -> io::Result<()> {
    for lines in from.iter().cycle() {
        match lines.recv() {
            Ok(lines) => out.write_all(&lines?)?,
            Err(_) => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use fuma_schemas::{CodeChange, Colour, Instant, Person};

    use super::*;
    use crate::replay::sink::ChangeSink as _;

    /// What partitions had to say: enough for many chunks.
    fn said(partitions: u8) -> (Spooled, Vec<u8>) {
        let (policy, policy_version): (Arc<str>, Arc<str>) = (Arc::from("p"), Arc::from("1"));
        let change = |number: u32, partition: u8| CodeChange {
            person: Person([partition; 16]),
            from: Colour::Green,
            to: Colour::Red,
            effective_at: Instant(i64::from(number)),
            colour_since: Instant(0),
            decided_at: Instant(i64::from(number) * 1000),
            reasons: Vec::new(),
            ended: Vec::new(),
            next_change_at: None,
            policy: Arc::clone(&policy),
            policy_version: Arc::clone(&policy_version),
        };
        let (mut changes, mut words, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for partition in 0..partitions {
            let mut of_partition = Changes::new(Spool::new(std::path::Path::new("."), usize::MAX));
            of_partition.step(&mut (0..9000).map(|number| change(number, partition)).collect()).unwrap();
            changes.push(of_partition.spool);
            words.push(of_partition.words);
        }
        for number in 0..9000 {
            for partition in 0..partitions {
                change(number, partition).write_json(&mut lines);
                lines.push(b'\n');
            }
        }
        (Spooled { counts: Counts::default(), changes, words, rejects: Vec::new() }, lines)
    }

    #[test]
    fn chunks_are_written_in_the_order_in_which_they_were_merged() {
        for partitions in [0, 1, 3] {
            let (mut spooled, lines) = said(partitions);
            let mut written = Vec::new();
            spooled.write_changes(&mut written).unwrap();
            assert!(written == lines, "{partitions} partitions");
        }
    }

    /// Takes so many bytes, and then no more.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// It ends, and says what the output said.
    #[test]
    fn an_output_that_takes_no_more_is_an_error() {
        for room in [0, 3 << 20] {
            let error = said(3).0.write_changes(&mut Full(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    /// So is a change that does not come back as it went in.
    #[test]
    fn a_change_that_is_not_the_one_that_was_kept_is_an_error() {
        let (mut spooled, _) = said(2);
        spooled.words.truncate(1);
        assert_eq!(spooled.write_changes(&mut io::sink()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
