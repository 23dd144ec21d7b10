//! What a field is: the one description from which intake's checks, the columns of the log, the documents, the order of
//! ties, the words of explain and the cells of tables follow.
//!
//! Owns the shape of that description. The fields themselves are in the tables beside it.

use crate::vocabulary::ClosedList;

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnType {
    /// Milliseconds UTC.
    Instant,
    /// A code of a closed list.
    Code(&'static [&'static str]),
    /// A region code, as text, in normal form.
    Region,
    /// Other text.
    Text,
    /// A calendar date, days since 1970-01-01.
    Date,
    /// A whole number of a range.
    Integer,
}

/// The JSON type of a field: what a cell of a table becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// A string.
    Text,
    /// A JSON integer literal.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// How far after known_at an instant may lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ahead {
    /// So many hours.
    Hours(i64),
    /// As far as it likes.
    Free,
}

/// What a text must look like, beyond its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Anything.
    Any,
    /// Something other than white space.
    NotBlank,
    /// A region code.
    Region,
    /// The two digits of a province.
    Province,
    /// Two capital letters.
    Country,
    /// Another one than the owner, of the same pattern, of the owners listed for listings.
    Approver,
    /// "owner/id" of another record.
    RecordName,
    /// A phone number; what is kept is its token.
    Phone,
    /// The number of a conveyance.
    Number,
    /// A carriage.
    Carriage,
}

/// A field of a kind, and the column that it becomes.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in feeds, logs and rules.
    pub name: &'static str,
    /// The name in Chinese.
    pub chinese: &'static str,
    /// What a producer has to know of it.
    pub about: &'static str,
    /// The type.
    pub column_type: ColumnType,
    /// Whether an assertion may be without it.
    pub optional: bool,
    /// The code where nothing is said: of a column that came later, also in data that is older than it.
    pub default: Option<u8>,
    /// What a text must look like.
    pub pattern: Pattern,
    /// The least and the greatest integer.
    pub range: (i32, i32),
    /// How far an instant may lie after known_at.
    pub ahead: Ahead,
    /// The instant before which this one may not lie.
    pub not_before: Option<&'static str>,
    /// Whether nobody's resident ID may stand in it.
    pub is_free_text: bool,
    /// Whether the code of a value that is not in the list is that of the basis of a listing.
    pub is_listing_basis: bool,
    /// Whether the fact is open until this instant is there.
    pub closes: bool,
    /// Whether rules choose by its values what they start from or count.
    pub decides: bool,
}

impl Column {
    const fn new(name: &'static str, chinese: &'static str, column_type: ColumnType, about: &'static str) -> Column {
        Column {
            name,
            chinese,
            about,
            column_type,
            optional: false,
            default: None,
            pattern: Pattern::Any,
            range: (i32::MIN, i32::MAX),
            ahead: Ahead::Hours(24),
            not_before: None,
            is_free_text: false,
            is_listing_basis: false,
            closes: false,
            decides: false,
        }
    }

    /// An instant, at most 24 h after known_at.
    pub(super) const fn instant(name: &'static str, chinese: &'static str, about: &'static str) -> Column {
        Column::new(name, chinese, ColumnType::Instant, about)
    }

    /// A name of a closed list.
    pub(super) const fn code<L: ClosedList>(name: &'static str, chinese: &'static str, about: &'static str) -> Column {
        Column::new(name, chinese, ColumnType::Code(L::NAMES), about)
    }

    /// A text.
    pub(super) const fn text(name: &'static str, chinese: &'static str, about: &'static str) -> Column {
        Column::new(name, chinese, ColumnType::Text, about)
    }

    /// A region code.
    pub(super) const fn region(name: &'static str, chinese: &'static str, about: &'static str) -> Column {
        Column { pattern: Pattern::Region, ..Column::new(name, chinese, ColumnType::Region, about) }
    }

    /// A calendar date.
    pub(super) const fn date(name: &'static str, chinese: &'static str, about: &'static str) -> Column {
        Column::new(name, chinese, ColumnType::Date, about)
    }

    /// A whole number of a range.
    pub(super) const fn integer(
        name: &'static str,
        chinese: &'static str,
        range: (i32, i32),
        about: &'static str,
    ) -> Column {
        Column { range, ..Column::new(name, chinese, ColumnType::Integer, about) }
    }

    /// It may be absent.
    pub(super) const fn optional(self) -> Column {
        Column { optional: true, ..self }
    }

    /// It may be absent, and is this code then.
    pub(super) const fn or(self, default: u8) -> Column {
        Column { default: Some(default), ..self }
    }

    /// It must look like this.
    pub(super) const fn like(self, pattern: Pattern) -> Column {
        Column { pattern, ..self }
    }

    /// It may lie so many hours after known_at.
    pub(super) const fn hours_ahead(self, hours: i64) -> Column {
        Column { ahead: Ahead::Hours(hours), ..self }
    }

    /// It may lie in the future as far as it likes.
    pub(super) const fn free(self) -> Column {
        Column { ahead: Ahead::Free, ..self }
    }

    /// It may not lie before that field.
    pub(super) const fn not_before(self, start: &'static str) -> Column {
        Column { not_before: Some(start), ..self }
    }

    /// Nobody's resident ID may stand in it.
    pub(super) const fn free_text(self) -> Column {
        Column { is_free_text: true, ..self }
    }

    /// A value that is not in its list has a code of its own: no epidemic basis.
    pub(super) const fn listing_basis(self) -> Column {
        Column { is_listing_basis: true, ..self }
    }

    /// The fact is open until it is there.
    pub(super) const fn closes(self) -> Column {
        Column { closes: true, ..self }
    }

    /// Rules choose by its values.
    pub(super) const fn decides(self) -> Column {
        Column { decides: true, ..self }
    }

    /// The JSON type.
    pub fn field_type(&self) -> FieldType {
        if self.column_type == ColumnType::Integer { FieldType::Integer } else { FieldType::Text }
    }
}
