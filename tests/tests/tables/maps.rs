//! What is wrong with a map is said with its line, and what to do.

use std::path::Path;

use fuma_pipeline::tables::Map;

/// A map that is good, line by line.
const GOOD: &str = "feed = \"tests\"\nzone = \"+08:00\"\n[constants]\ncert_type = \"10\"\nmethod = \"nat\"\n[fields]\n\
                    id = \"A\"\ncert_number = \"B\"\n[fields.result]\ncolumn = \"C\"\n\
                    values = { \"+\" = \"positive\" }\n\
                    [fields.sampled_at]\ncolumn = \"D\"\nformats = [\"yyyy-MM-dd HH:mm\"]\n[fields.reported_at]\n\
                    column = \"E\"\nformats = [\"yyyy-MM-dd HH:mm\"]\n";

#[test]
fn a_good_map_is_good() {
    Map::parse(Path::new("m.toml"), GOOD).unwrap();
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (from, to, line, says) in [
        ("feed = \"tests\"", "feed = \"regions\"", 1, "no feed of tables"),
        ("feed = \"tests\"", "feed = tests", 1, ""),
        ("zone = \"+08:00\"", "zone = \"Asia/Shanghai\"", 15, "an offset from UTC"),
        ("zone = \"+08:00\"\n", "", 14, "a wall clock without a zone"),
        ("zone = \"+08:00\"", "zona = \"+08:00\"", 2, "unknown field"),
        ("cert_type = \"10\"", "cert_type = \"11\"", 4, "11 is no value of cert_type"),
        ("method = \"nat\"", "mode = \"rail\"", 5, "tests has no field of this name"),
        ("cert_number = \"B\"", "cert_number = 0", 8, "columns count from 1"),
        ("\"+\" = \"positive\"", "\"+\" = \"yes\"", 11, "yes is no value of result"),
        (
            "[\"yyyy-MM-dd HH:mm\"]\n[fields.reported_at]",
            "[\"yyyy-MM-dd\"]\n[fields.reported_at]",
            12,
            "day = \"start\"",
        ),
        (
            "[\"yyyy-MM-dd HH:mm\"]\n[fields.reported_at]",
            "[\"MM-dd HH:mm\"]\n[fields.reported_at]",
            12,
            "a year is never",
        ),
        ("id = \"A\"\n", "", 6, "no id"),
        ("cert_number = \"B\"\n", "phone = \"B\"\nperson = 0\n", 9, "columns count from 1"),
        ("[fields.result]\ncolumn = \"C\"\nvalues = { \"+\" = \"positive\" }\n", "", 6, "no result"),
        ("column = \"D\"", "column = \"D\"\nregion = \"code\"", 12, "is no region"),
        ("column = \"C\"", "column = \"C\"\nextract = \"(\"", 9, "no regular expression"),
        ("column = \"C\"", "column = \"C\"\nmade_of = [\"A\"]", 9, "give one of column"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let error = Map::parse(Path::new("m.toml"), &text).map(drop).expect_err(to);
        assert!(error.message.contains(says), "{to}: {error}");
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.to_string().starts_with(&format!("m.toml, line {line}: ")), "{error}");
    }
}
