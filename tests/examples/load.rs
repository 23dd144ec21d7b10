//! Writes the dense load as feed files.
//!
//! ```text
//! cargo run --release -p fuma-tests --example load -- --out-dir DIR [--people 500000] [--records 3000000] [--seed 1]
//!     [--until 2022-04-15T00:00:00+08:00] [--from 0] [--to 3000000]
//! ```
//!
//! Without `--until` the last record becomes known now. `--from` and `--to` choose some of the records of people, for a
//! load in parts; the regions come with the first part. Owns the files only; what is in them is `fuma_tests::load`'s.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "without --until the load ends now")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use fuma_schemas::{Feed, Instant};
use fuma_tests::load::Settings;

fn main() {
    let now = || Instant(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64);
    let until = argument("--until").map_or_else(now, |text| Instant::parse(&text).unwrap());
    let number = |name: &str| argument(name).map(|text| text.parse::<u64>().unwrap());
    let mut settings = Settings::dense(until);
    settings.people = number("--people").unwrap_or(settings.people);
    settings.records = number("--records").unwrap_or(settings.records);
    settings.seed = number("--seed").unwrap_or(settings.seed);
    let (from, to) = (number("--from").unwrap_or(0), number("--to").unwrap_or(settings.records));
    let folder = PathBuf::from(argument("--out-dir").expect("--out-dir DIR says where the files go"));
    std::fs::create_dir_all(&folder).unwrap();
    let (mut files, mut count) = (BTreeMap::new(), 0_u64);
    let mut each = |feed: Feed, line: &[u8]| {
        let create = || {
            let path = folder.join(format!("{}.ndjson", feed.name()));
            BufWriter::with_capacity(1 << 20, File::create(path).unwrap())
        };
        let file = files.entry(feed).or_insert_with(create);
        file.write_all(line).unwrap();
        file.write_all(b"\n").unwrap();
        count += 1;
    };
    if from == 0 {
        settings.regions(&mut each);
    }
    settings.people(from..to, &mut each);
    files.into_values().for_each(|mut file| file.flush().unwrap());
    println!("{count} records in {}", folder.display());
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}
