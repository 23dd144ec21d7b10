//! In which language texts for officials are shown.
//!
//! Owns the choice. Texts themselves are the pack's.

use crate::policy::Text;

/// A language of officials.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
    /// Chinese, then English.
    Both,
}

impl Language {
    /// A text in this language, on one line.
    pub fn pick(self, text: &Text) -> String {
        self.label(&text.zh, &text.en)
    }

    /// A label in this language.
    pub fn label(self, zh: &str, en: &str) -> String {
        match self {
            Language::Zh => zh.to_string(),
            Language::En => en.to_string(),
            Language::Both => format!("{zh} / {en}"),
        }
    }
}
