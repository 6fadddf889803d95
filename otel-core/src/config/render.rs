//! Diagnostics as text: the message, the place, the line with a caret, advice. Nothing secret.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use super::REDACTED;
use super::diagnostics::{Diagnostic, Severity};
use super::source::Location;

/// The widest excerpt, in characters; of a longer line, the part around the caret is shown.
const MAX_WIDTH: usize = 140;
const KEPT_BEFORE_CARET: usize = 60;
/// Keys whose values are taken for secrets where no type says what they are.
const SENSITIVE: [&str; 9] =
    ["password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "api-key", "credential"];

pub(super) struct Rendered<'a> {
    pub(super) diagnostic: &'a Diagnostic,
    pub(super) masks: &'a [Location],
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { severity, message, path, location, help } = self.diagnostic;
        f.write_str(match severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(&without_user_info(message))?;
        let margin = location.as_ref().map_or(0, |at| at.line.to_string().len());
        if let Some(at) = location {
            write!(f, "\n{:margin$}--> {at}", "")?;
            if let Some((line, caret)) = excerpt(at, self.masks) {
                write!(f, "\n{:margin$} |\n{} | {line}\n{:margin$} | {caret}", "", at.line, "")?;
            }
            if let Some(reference) = &at.within {
                write!(f, "\n{:margin$} = note: in the value of {reference}", "")?;
            }
        }
        for line in help {
            write!(f, "\n{:margin$} = {}", "", without_user_info(line))?;
        }
        Ok(())
    }
}

/// The line of a location without what must not be shown, and the line with carets that goes below it.
fn excerpt(at: &Location, masks: &[Location]) -> Option<(String, String)> {
    let text = at.source.text();
    let at_start = at.start.min(text.len());
    let line_start = text.get(..at_start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let clip = |offset: usize| offset.saturating_sub(line_start).min(line.len());
    let span = clip(at.start)..clip(at.end);

    let mut hidden: Vec<Range<usize>> = masks
        .iter()
        .filter(|mask| Arc::ptr_eq(&mask.source, &at.source))
        .map(|mask| clip(mask.start)..clip(mask.end))
        .chain(sensitive_value(line))
        .chain(user_info(line))
        .filter(|range| !range.is_empty())
        .collect();
    hidden.sort_by_key(|range| (range.start, range.end));

    let masked = Masked::new(line, &hidden);
    let start = masked.column(span.start);
    let end = masked.column(span.end).max(start + 1);
    Some(window(&masked.shown, start, end))
}

/// A line with some of its bytes replaced, and where the others went.
struct Masked {
    shown: String,
    /// For each byte offset of the line, and its end, the column in `shown`, in characters.
    columns: Vec<usize>,
}

impl Masked {
    fn new(line: &str, hidden: &[Range<usize>]) -> Self {
        let mut masked = Self { shown: String::new(), columns: Vec::with_capacity(line.len() + 1) };
        let mut column = 0;
        let mut hidden_until = 0;
        for (offset, c) in line.char_indices() {
            let end = hidden.iter().filter(|range| range.contains(&offset)).map(|range| range.end).max();
            masked.columns.push(column);
            match end {
                Some(_) if offset < hidden_until => {}
                Some(_) => {
                    masked.shown.push_str(REDACTED);
                    column += REDACTED.len();
                }
                None => {
                    masked.shown.push(if c.is_control() { ' ' } else { c });
                    column += 1;
                }
            }
            hidden_until = hidden_until.max(end.unwrap_or(0));
            masked.columns.resize(offset + c.len_utf8(), column);
        }
        masked.columns.push(column);
        masked
    }

    fn column(&self, offset: usize) -> usize {
        self.columns.get(offset).or(self.columns.last()).copied().unwrap_or(0)
    }
}

/// Cuts a long line around the caret.
fn window(line: &str, start: usize, end: usize) -> (String, String) {
    let length = line.chars().count();
    let from = if length <= MAX_WIDTH { 0 } else { start.saturating_sub(KEPT_BEFORE_CARET) };
    let mut shown = String::new();
    let mut margin = 0;
    if from > 0 {
        shown.push_str("… ");
        margin = 2;
    }
    shown.extend(line.chars().skip(from).take(MAX_WIDTH));
    if length > from + MAX_WIDTH {
        shown.push_str(" …");
    }
    let width = (end - start).min(MAX_WIDTH.saturating_sub(start - from)).max(1);
    let mut caret = " ".repeat(margin + start - from);
    caret.extend(std::iter::repeat_n('^', width));
    (shown.trim_end().to_owned(), caret)
}

/// The value after a key that sounds like a secret, up to the end of the line.
fn sensitive_value(line: &str) -> Option<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let key_end = SENSITIVE.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min()?;
    let colon = key_end + line[key_end..].find(':')?;
    // A word of a value is not a key: between it and the colon there may only be the rest of the key.
    if line[key_end..colon].contains([' ', ',', '{', '[']) {
        return None;
    }
    let value = line[colon + 1..].trim_start();
    // A comment or a reference shows nothing.
    if value.is_empty() || value.starts_with('#') || value.starts_with("${") {
        return None;
    }
    let start = line.len() - value.len();
    Some(start..start + value.trim_end().len())
}

/// The `user:password` of each URL in a text.
fn user_info(text: &str) -> Vec<Range<usize>> {
    text.match_indices("://")
        .filter_map(|(at, separator)| {
            let start = at + separator.len();
            let authority = text[start..].split(['/', '?', '#', ' ', '"', '\'']).next()?;
            let end = authority.rfind('@')?;
            Some(start..start + end)
        })
        .collect()
}

/// A text without the `user:password` of the URLs in it.
pub(crate) fn without_user_info(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in user_info(text) {
        if range.start < from {
            continue;
        }
        let _ = write!(shown, "{}{REDACTED}", &text[from..range.start]);
        from = range.end;
    }
    shown.push_str(&text[from..]);
    shown
}
