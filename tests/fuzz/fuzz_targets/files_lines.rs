//! Fuzzing: NDJSON. What must hold is said in `fuma_tests::decoders`.

#![no_main]

use fuma_tests::decoders;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoders::run("files_lines", bytes));
