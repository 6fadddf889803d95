//! Levels, whose names may be in any case.

use crate::config::{Decoder, Fields, Node, Schema, Value};
use crate::telemetry::{Level, MetricsLevel};

/// Takes the key `level` of metrics or traces.
pub(super) fn take_metrics_level(fields: &mut Fields<'_>, level: &mut MetricsLevel) {
    let choices = [MetricsLevel::None, MetricsLevel::Basic, MetricsLevel::Normal, MetricsLevel::Detailed]
        .map(|level| (level.as_str(), level));
    take(fields, level, &choices);
}

/// Takes the key `level` of logs.
pub(super) fn take_log_level(fields: &mut Fields<'_>, level: &mut Level) {
    let choices = [
        ("debug", Level::Debug),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("error", Level::Error),
        ("dpanic", Level::Error),
        ("panic", Level::Error),
        ("fatal", Level::Error),
        ("", Level::Info),
    ];
    take(fields, level, &choices);
}

fn take<T: Copy + PartialEq>(fields: &mut Fields<'_>, level: &mut T, choices: &[(&str, T)]) {
    fields.describe("level", schema(choices), Value::one_of(level, choices));
    if let Some(node) = fields.node("level") {
        let read = fields.decoder().at("level", |decoder| one_of_any_case(node, decoder, choices));
        *level = read.unwrap_or(*level);
    }
}

/// The words in small letters, in capitals, and with a capital at the beginning.
fn schema<T: Copy>(choices: &[(&str, T)]) -> Schema {
    let capital =
        |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect();
    let spellings = |(word, _): &(&str, T)| [(*word).to_owned(), word.to_uppercase(), capital(word)];
    let words: Vec<String> = choices.iter().flat_map(spellings).collect();
    Schema::one_of(&words.iter().map(|word| (word.as_str(), ())).collect::<Vec<_>>())
}

fn one_of_any_case<T: Copy>(node: &Node, decoder: &mut Decoder, choices: &[(&str, T)]) -> Option<T> {
    let text = decoder.text(node)?.to_lowercase();
    let known = choices.iter().find(|(name, _)| *name == text);
    known.map(|(_, level)| *level).or_else(|| decoder.one_of(node, choices))
}
