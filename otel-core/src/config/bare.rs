//! `$NAME` without braces, which releases before 0.109 expanded.

use super::Diagnostics;
use super::node::{Node, NodeKind};

/// What to do about `$NAME`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// Leave it and warn that it is not expanded.
    Warn,
    /// Take it for `${env:NAME}`.
    Expand,
}

/// Looks at every scalar of a tree that was written by hand.
pub(super) fn apply(node: &mut Node, bare: Bare, diagnostics: &mut Diagnostics) {
    let Node { kind, location, .. } = node;
    match kind {
        NodeKind::Sequence(items) => items.iter_mut().for_each(|item| apply(item, bare, diagnostics)),
        NodeKind::Mapping(entries) => {
            entries.values_mut().for_each(|entry| apply(&mut entry.value, bare, diagnostics));
        }
        NodeKind::Scalar(scalar) => match bare {
            Bare::Expand => scalar.text = braced(&scalar.text),
            Bare::Warn => {
                if let Some((_, name)) = names(&scalar.text).next() {
                    let message = format!("`${name}` is not expanded");
                    diagnostics.warning(location.clone(), message).help(format!(
                        "help: write ${{env:{name}}} for the environment variable, $${name} for the text itself"
                    ));
                }
            }
        },
    }
}

/// The text with `${env:NAME}` for each `$NAME`.
fn braced(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (at, name) in names(text) {
        result.push_str(&text[from..at]);
        result.push_str("${env:");
        result.push_str(name);
        result.push('}');
        from = at + 1 + name.len();
    }
    result.push_str(&text[from..]);
    result
}

/// The names behind dollar signs that no other dollar sign escapes, each with the place of its sign.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find('$')?;
            let signs = text[at..].bytes().take_while(|b| *b == b'$').count();
            let start = at + signs;
            let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
            let length = text[start..].bytes().take_while(|b| word(b)).count();
            let name = &text[start..start + length];
            from = start + length;
            if signs % 2 == 1 && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
                return Some((start - 1, name));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::braced;

    #[test]
    fn only_names_behind_a_single_sign_are_references() {
        for (text, expected) in [
            ("$HOST:4317", "${env:HOST}:4317"),
            ("a$A$B_2.c", "a${env:A}${env:B_2}.c"),
            ("$$HOST", "$$HOST"),
            ("$$$HOST", "$$${env:HOST}"),
            ("${HOST} $1 ^x$ $", "${HOST} $1 ^x$ $"),
        ] {
            assert_eq!(braced(text), expected);
        }
    }
}
