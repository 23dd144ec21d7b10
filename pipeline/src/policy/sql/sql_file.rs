//! A rule or a view as a file: comment lines with facts in front, then one SELECT.
//!
//! Owns the front matter and the parameters. What the SELECT may say is the planner's.

use std::collections::BTreeMap;

use crate::policy::PackError;
use crate::policy::manifest::Parameter;
use crate::policy::near::did_you_mean;

/// A file of SQL with its front matter.
#[derive(Clone, Debug)]
pub struct SqlFile {
    /// The path relative to the pack.
    pub path: String,
    /// The facts in front, with their lines.
    pub facts: BTreeMap<String, (String, usize)>,
    /// The whole text with parameters filled in; lines are those of the file.
    pub sql: String,
    /// The text of the SELECT as written, for people.
    pub source: String,
}

impl SqlFile {
    /// Reads a file; `known` are the keys that its front matter may have.
    pub fn parse(
        path: &str,
        text: &str,
        known: &[&str],
        parameters: &BTreeMap<String, Parameter>,
    ) -> Result<SqlFile, PackError> {
        // A byte-order mark is passed over.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut facts = BTreeMap::new();
        let mut body_line = 0;
        for (at, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() {
                continue;
            }
            let Some(comment) = trimmed.strip_prefix("--") else {
                body_line = at + 1;
                break;
            };
            // A comment without a key and a colon is just a comment.
            let Some((key, value)) = comment.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
                continue;
            };
            if !known.contains(&key) {
                if key.chars().all(|c| c.is_ascii_lowercase() || c == '.') && !key.is_empty() {
                    return Err(PackError::at(
                        path,
                        at + 1,
                        format!(
                            "unknown fact `{key}`; known are {}{}",
                            known.join(", "),
                            did_you_mean(key, known.iter().copied())
                        ),
                    ));
                }
                continue;
            }
            if facts.insert(key.to_string(), (value.to_string(), at + 1)).is_some() {
                return Err(PackError::at(path, at + 1, format!("`{key}` occurs twice")));
            }
        }
        if body_line == 0 {
            return Err(PackError::of(path, "there is no SELECT"));
        }
        let source = text.lines().skip(body_line - 1).collect::<Vec<_>>().join("\n");
        let sql = fill_in(path, text, parameters)?;
        Ok(SqlFile { path: path.to_string(), facts, sql, source })
    }

    /// A fact that must be there and not blank.
    pub fn required(&self, key: &str) -> Result<&str, PackError> {
        match self.facts.get(key) {
            Some((value, _)) if !value.is_empty() => Ok(value),
            Some((_, line)) => Err(PackError::at(&self.path, *line, format!("`{key}` is blank"))),
            None => Err(PackError::at(&self.path, 1, format!("`{key}` is missing: add a line `-- {key}: ...`"))),
        }
    }

    /// The line of the SELECT.
    pub fn first_line(&self) -> usize {
        let is_body = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
        self.sql.lines().position(is_body).map_or(1, |at| at + 1)
    }

    /// The last line of the SELECT that has the word, outside of comments; 0 when none has.
    pub fn line_of_word(&self, word: &str) -> usize {
        let word = word.to_ascii_lowercase();
        let has = |line: &str| {
            let code = line.split("--").next().unwrap_or("").to_ascii_lowercase();
            code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|token| token == word)
        };
        self.sql.lines().enumerate().filter(|(_, line)| has(line)).map(|(at, _)| at + 1).last().unwrap_or(0)
    }

    /// The first line of the SELECT that has the text as it stands; 0 when none has.
    pub fn line_of_text(&self, text: &str) -> usize {
        let has = |line: &str| line.split("--").next().unwrap_or("").contains(text);
        self.sql.lines().position(has).map_or(0, |at| at + 1)
    }

    /// The line of a fact, for messages.
    pub fn line(&self, key: &str) -> usize {
        self.facts.get(key).map_or(1, |(_, line)| *line)
    }
}

/// Puts the parameters in place of `$name`, outside of comments, texts and quoted names. Lines stay what they are.
fn fill_in(path: &str, text: &str, parameters: &BTreeMap<String, Parameter>) -> Result<String, PackError> {
    let mut filled = String::with_capacity(text.len());
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '$' => {
                let name: &str = &rest[1..];
                let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
                let value = parameters.get(&name[..end]).ok_or_else(|| {
                    PackError::at(
                        path,
                        line,
                        format!(
                            "unknown parameter ${}: add it to policy.toml [parameters]{}",
                            &name[..end],
                            did_you_mean(&name[..end], parameters.keys().map(String::as_str))
                        ),
                    )
                })?;
                match value {
                    Parameter::Integer(number) => filled.push_str(&number.to_string()),
                    Parameter::Text(text) => filled.push_str(&format!("'{}'", text.replace('\'', "''"))),
                }
                rest = &name[end..];
                continue;
            }
            other => other.len_utf8(),
        };
        let piece = &rest[..length];
        line += piece.matches('\n').count();
        filled.push_str(piece);
        rest = &rest[length..];
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn parameters() -> BTreeMap<String, Parameter> {
        BTreeMap::from([
            ("days".to_string(), Parameter::Integer(14)),
            ("home".to_string(), Parameter::Text("33".to_string())),
        ])
    }

    #[test]
    fn parameters_are_filled_in_but_not_in_texts_and_comments() {
        let file = SqlFile::parse("r.sql", "-- id: X\n-- $days\nSELECT '$days', $days, $home", &["id"], &parameters())
            .unwrap();
        assert!(file.sql.ends_with("SELECT '$days', 14, '33'"), "{}", file.sql);
        assert_eq!(file.required("id"), Ok("X"));
    }

    #[test]
    fn an_unknown_parameter_names_its_line() {
        let error = SqlFile::parse("r.sql", "-- id: X\nSELECT 1,\n $weeks", &["id"], &parameters()).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("r.sql", 3));
    }

    #[test]
    fn an_unknown_or_double_fact_is_refused() {
        assert_eq!(SqlFile::parse("r.sql", "-- ids: X\nSELECT 1", &["id"], &parameters()).unwrap_err().line, 1);
        assert_eq!(
            SqlFile::parse("r.sql", "-- id: X\n-- id: Y\nSELECT 1", &["id"], &parameters()).unwrap_err().line,
            2
        );
    }
}
