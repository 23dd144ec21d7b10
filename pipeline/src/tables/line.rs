//! A record as a line of JSON, field by field.
//!
//! Owns the writing. A text without quotes and control characters is copied.

/// A line under way.
pub(super) struct Line<'o> {
    out: &'o mut Vec<u8>,
    is_begun: bool,
}

impl<'o> Line<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Line<'o> {
        Line { out, is_begun: false }
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if self.is_begun { b",\"" } else { b"{\"" });
        self.is_begun = true;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
            return;
        }
        // Writing a str to a Vec cannot fail.
        let written = serde_json::to_writer(&mut *self.out, text);
        debug_assert!(written.is_ok());
    }

    pub(super) fn integer(&mut self, name: &str, value: i64) {
        self.name(name);
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }
}
