//! One record, written straight into bytes as a line of NDJSON.
//!
//! Owns the spelling of records. Texts here are the district's own and hold nothing that JSON would escape. Must
//! never be given a text from outside.

use fuma_schemas::Instant;

use super::identity::Identities;

/// The common fields of a record (docs/feeds.md section 1).
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) owner: &'a str,
    pub(super) id: &'a [u8],
    pub(super) revision: u32,
    pub(super) retracted: bool,
    /// None in `regions`.
    pub(super) person: Option<u32>,
    pub(super) known_at: Instant,
}

/// The fields of a record past the common ones. Of a retraction none is written but the kind.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    retracted: bool,
}

impl Fields<'_> {
    /// Appends the kind of a travel record, which a retraction names as well.
    pub(super) fn kind(&mut self, value: &str) -> &mut Self {
        self.write_text("kind", value)
    }

    /// Appends a text.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        if self.retracted { self } else { self.write_text(name, value) }
    }

    /// Appends an instant.
    pub(super) fn instant(&mut self, name: &str, value: Instant) -> &mut Self {
        if !self.retracted {
            self.name(name);
            self.out.push(b'"');
            value.write_to(self.out);
            self.out.push(b'"');
        }
        self
    }

    /// Appends an instant where there is one.
    pub(super) fn maybe(&mut self, name: &str, value: Option<Instant>) -> &mut Self {
        match value {
            Some(value) => self.instant(name, value),
            None => self,
        }
    }

    /// Appends a whole number.
    pub(super) fn number(&mut self, name: &str, value: u32) -> &mut Self {
        if !self.retracted {
            self.name(name);
            write_number(value, self.out);
        }
        self
    }

    fn write_text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
        self
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends a whole record with its line end.
pub(super) fn write(identities: &Identities, head: &Head<'_>, fields: impl FnOnce(&mut Fields<'_>), out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"owner\":\"");
    out.extend_from_slice(head.owner.as_bytes());
    out.extend_from_slice(b"\",\"id\":\"");
    out.extend_from_slice(head.id);
    out.push(b'"');
    if head.revision > 1 {
        out.extend_from_slice(b",\"revision\":");
        write_number(head.revision, out);
    }
    if head.retracted {
        out.extend_from_slice(b",\"retracted\":true");
    }
    if let Some(person) = head.person {
        out.push(b',');
        identities.write(person, out);
    }
    let mut rest = Fields { out, retracted: false };
    rest.instant("known_at", head.known_at);
    rest.retracted = head.retracted;
    fields(&mut rest);
    out.extend_from_slice(b"}\n");
}

/// Appends a number without zeros in front.
pub(super) fn write_number(value: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut first = digits.len();
    let mut rest = value;
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        first = place;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}
