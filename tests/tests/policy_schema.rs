//! `schemas/policy.schema.json` and the engine read policy.toml alike: what one takes, the other takes.
//!
//! Owns the samples. What only a whole pack can show (a parameter that [engine] names) is the engine's alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_pipeline::policy::PackSource;
use fuma_pipeline::policy::manifest::{FILE, parse};
use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../schemas/policy.schema.json");
const TEMPLATE: &str = include_str!("../../pipeline/src/commands/policy/template/policy.toml");

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "not a JSON Schema");
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// What the schema says, and what the engine says.
fn said(check: &Validator, text: &str) -> (bool, bool) {
    let value: Value = toml::from_str(text).unwrap();
    (check.is_valid(&value), parse(text).is_ok())
}

#[test]
fn the_packs_of_the_binary_are_of_the_schema() {
    let check = validator();
    for id in PackSource::built_in_ids() {
        let text = PackSource::built_in(&id).unwrap().files[FILE].clone();
        let value: Value = toml::from_str(&text).unwrap();
        check.validate(&value).unwrap_or_else(|error| panic!("{id}: {error} at {}", error.instance_path()));
        assert_eq!(said(&check, &text), (true, true), "{id}");
    }
    assert_eq!(said(&check, &TEMPLATE.replace("PACK-ID", "mine")), (true, true));
}

#[test]
fn what_the_engine_refuses_the_schema_refuses_as_well() {
    let check = validator();
    let text = PackSource::built_in("chongqing-2021-24").unwrap().files[FILE].clone();
    let edits = [
        ("id = \"chongqing-2021-24\"", "id = \"Chongqing\""),
        ("id = \"chongqing-2021-24\"", "id = \"\""),
        ("version = \"1.0.0\"", "version = \" \""),
        ("version = \"1.0.0\"", "version = \"1\\n\""),
        ("version = \"1.0.0\"", "version = 1"),
        ("province = \"50\"", "province = \"5001\""),
        ("province = \"50\"", "county = \"50\""),
        ("2021-11-08T06:00:00+08:00", "2021-11-08T06:00:00"),
        ("2021-11-08T06:00:00+08:00", "2021-11-08"),
        ("contact_days = 14 ", "contact_days = -1 "),
        ("contact_days = 14 ", "contact_days = 40000 "),
        ("contact_days = 14 ", "contact_days = true "),
        ("contact_days = 14 ", "contactDays = 14\ncontact_days = 14 "),
        ("overlap = \"each\"", "overlap = \"some\""),
        ("type = \"country\"", "type = \"nation\""),
        ("min = 0,", "least = 0,"),
        ("contacts = 60", "contacts = 0"),
        ("zh = \"重庆市健康码赋码规则（2021年）\", ", ""),
        ("[engine]", "[engines]"),
    ];
    for (old, new) in edits {
        assert!(text.contains(old), "{old}");
        assert_eq!(said(&check, &text.replacen(old, new, 1)), (false, false), "{old} -> {new}");
    }
    for (old, new) in
        [("overlap = \"each\"\n", ""), ("contacts = 60\n", ""), ("province = \"50\"", "province = \"00\"")]
    {
        assert_eq!(said(&check, &text.replacen(old, new, 1)), (true, true), "{old} -> {new}");
    }
}
