//! Feed files against docs/feeds.md section 3: which are found, how they are cut, and what counts as damage.
//!
//! Owns the helpers that the tests share. Must never read outside a temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod csv;
mod lines;
mod parquet;
mod parquet_bounds;
mod parquet_types;

use super::*;

/// All blocks of some bytes under a name.
fn blocks(name: &str, bytes: &[u8], block_bytes: usize) -> Result<Vec<Block>, FileError> {
    let mut blocks = Vec::new();
    read_bytes(name, bytes, block_bytes, &mut |block| blocks.push(block))?;
    Ok(blocks)
}

/// The lines with their numbers, and what was refused.
fn lines_of(blocks: &[Block]) -> (Vec<(u64, String)>, Vec<Refused>) {
    let mut lines = Vec::new();
    for block in blocks {
        let text = String::from_utf8(block.bytes.clone()).unwrap();
        let numbered = text.strip_suffix('\n').unwrap_or(&text).split('\n').zip(block.first_line..);
        lines.extend(numbered.map(|(line, number)| (number, line.to_owned())));
    }
    (lines, blocks.iter().flat_map(|block| block.refused.clone()).collect())
}

/// The lines of a table and the numbers of its bad rows, whatever the size of a block.
fn table(name: &str, bytes: &[u8]) -> (Vec<String>, Vec<u64>) {
    let whole = lines_of(&blocks(name, bytes, 1 << 20).unwrap());
    for block_bytes in [1, 7, 64, 4096] {
        let cut = blocks(name, bytes, block_bytes).unwrap();
        assert!(cut.iter().all(|block| block.bytes.ends_with(b"\n")));
        assert_eq!(lines_of(&cut), whole, "blocks of {block_bytes}");
    }
    let (lines, bad) = whole;
    assert!(lines.iter().zip(1..).all(|((number, _), row)| *number == row));
    for row in &bad {
        assert_eq!(lines[usize::try_from(row.line).unwrap() - 1].1, "", "a bad row leaves an empty line");
    }
    (lines.into_iter().map(|(_, line)| line).collect(), bad.iter().map(|row| row.line).collect())
}

fn damage(name: &str, bytes: &[u8]) -> String {
    match blocks(name, bytes, 64) {
        Err(error @ FileError::Damaged { .. }) => {
            let text = error.to_string();
            assert!(text.starts_with(name), "{text}");
            text
        }
        other => panic!("expected damage, not {other:?}"),
    }
}

#[test]
fn files_are_found_by_name_and_ordered_by_feed_then_name_then_as_given() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let names = [
        "travel.ndjson",
        "tests.parquet",
        "tests.csv",
        "tests.ndjson.zst",
        "tests.ndjson.gz",
        "external-codes.ndjson",
        "README.md",
        "cases.csv.gz",
        "cases.json",
        "Cases.ndjson",
        "cases.ndjson.gz.part",
        "cases",
        ".cases.ndjson",
        "persons.ndjson",
        "cases.gz",
    ];
    for name in names {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    std::fs::create_dir(folder.path().join("cases.ndjson")).unwrap();
    std::fs::write(folder.path().join("cases.ndjson/cases.ndjson"), "").unwrap();
    let again = other.path().join("tests.csv");
    std::fs::write(&again, "").unwrap();
    let Found { files: found, passed_over } = find(&[again.clone(), folder.path().to_owned()]).unwrap();
    let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "external-codes.ndjson",
        "tests.csv",
        "tests.csv",
        "tests.ndjson.gz",
        "tests.ndjson.zst",
        "tests.parquet",
        "travel.ndjson",
    ];
    assert_eq!(names, expected);
    assert_eq!(found[1].path, again);
    assert_eq!(find(&[folder.path().to_owned(), again.clone()]).unwrap().files[2].path, again);
    let passed: Vec<&str> = passed_over.iter().map(|passed| passed.name.as_str()).collect();
    let expected = [
        ".cases.ndjson",
        "Cases.ndjson",
        "README.md",
        "cases",
        "cases.csv.gz",
        "cases.gz",
        "cases.json",
        "cases.ndjson",
        "cases.ndjson.gz.part",
        "persons.ndjson",
    ];
    assert_eq!(passed, expected, "each is named");

    let missing = folder.path().join("missing");
    assert!(find(&[missing]).unwrap_err().to_string().contains("missing: cannot be opened"));
}

#[test]
fn what_is_no_feed_file_is_named_with_what_it_may_have_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let says = |paths: &[PathBuf]| find(paths).unwrap_err().to_string();
    let whole = folder.path().to_owned();
    assert!(says(std::slice::from_ref(&whole)).contains("no feed file there; found nothing"));
    for name in ["test.ndjson", "symptom-2026.ndjson.gz", "README.md"] {
        std::fs::write(path(name), "{}\n").unwrap();
    }
    let nothing = says(std::slice::from_ref(&whole));
    for part in ["test.ndjson: not a feed; did you mean tests?", "README.md: not a feed", "Feeds: ", "external-codes"] {
        assert!(nothing.contains(part), "{part}: {nothing}");
    }
    // A file that is given by name is an error, whatever else there is to read.
    std::fs::write(path("cases-a.ndjson"), "{}\n").unwrap();
    assert!(
        says(&[path("cases-a.ndjson"), path("test.ndjson")]).contains("test.ndjson: not a feed; did you mean tests?")
    );
    std::fs::create_dir(path("empty")).unwrap();
    let found = find(&[whole, path("empty")]).unwrap();
    assert_eq!(found.files.len(), 1);
    let notice = found.notice();
    let lines: Vec<&str> = notice.lines().collect();
    assert_eq!(lines.len(), 4, "{notice}");
    assert!(lines.iter().all(|line| line.starts_with("passed over ")), "{notice}");
    assert!(lines[3].ends_with("README.md: not a feed") && notice.contains("empty: no feed file in this folder"));
    for count in 0..300 {
        std::fs::write(path(&format!("{count}.log")), "").unwrap();
    }
    let many = find(&[folder.path().to_owned()]).unwrap().notice();
    assert!(many.lines().count() == 21 && many.contains("symptom-2026") && many.contains("more files"), "{many}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_one_that_leads_nowhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("x"), "{}").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("x"), folder.path().join("cases.ndjson")).unwrap();
    let found = find(&[folder.path().to_owned()]).unwrap().files;
    let mut bytes = Vec::new();
    read(&found[0], 10, &mut |block| bytes.extend(block.bytes)).unwrap();
    assert_eq!(bytes, b"{}");

    std::os::unix::fs::symlink(elsewhere.path().join("y"), folder.path().join("tests.ndjson")).unwrap();
    assert!(
        matches!(find(&[folder.path().to_owned()]), Err(FileError::Open { path, .. }) if path.ends_with("tests.ndjson"))
    );
}

/// In a folder that is watched: a name alone makes no feed file, and what is gone again is nothing to speak of.
#[cfg(unix)]
#[test]
fn what_has_the_name_of_a_feed_file_and_holds_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("cases.ndjson")).unwrap();
    std::os::unix::fs::symlink("/dev/null", path("travel.csv")).unwrap();
    std::os::unix::fs::symlink(path("nowhere"), path("tests.ndjson")).unwrap();
    std::fs::write(path("contacts.ndjson"), "").unwrap();
    let said = |name: &str| PassedOver::by_kind(&path(name)).map(|passed| (passed.to_string(), passed.is_suspect()));
    let no_file = |name: &str| Some((format!("{name}: has the name of a feed file, and is not a regular file"), true));
    assert_eq!(said("cases.ndjson"), no_file("cases.ndjson"));
    assert_eq!(said("travel.csv"), no_file("travel.csv"));
    let (text, is_suspect) = said("tests.ndjson").unwrap();
    assert!(is_suspect && text.ends_with("is a link to a file that cannot be found"), "{text}");
    assert_eq!((said("contacts.ndjson"), said("gone.ndjson")), (None, None));
}

#[test]
fn a_file_gives_what_its_bytes_give_and_an_error_names_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.csv");
    std::fs::write(&path, "id,owner\n1,a\n2,b\n").unwrap();
    let found = find(std::slice::from_ref(&path)).unwrap().files;
    let mut read_blocks = Vec::new();
    read(&found[0], 5, &mut |block| read_blocks.push(block)).unwrap();
    assert_eq!(read_blocks, blocks("cases.csv", b"id,owner\n1,a\n2,b\n", 5).unwrap());

    std::fs::write(&path, "id,id\n").unwrap();
    let error = read(&found[0], 5, &mut |_| ()).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    assert!(matches!(blocks("people.csv", b"", 1), Err(FileError::NoFeed { .. })));
}
