//! What keys are for, as the documentation of the fields says.

use documented::DocumentedFieldsOpt;

/// The documentation of a configuration type's fields, by the names of the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyDocs {
    names: &'static [&'static str],
    docs: &'static [Option<&'static str>],
}

impl KeyDocs {
    /// Nothing is said of any key.
    pub const NONE: Self = Self { names: &[], docs: &[] };

    /// What the documentation comments of a type's fields say.
    pub const fn of<T: DocumentedFieldsOpt>() -> Self {
        Self { names: T::FIELD_NAMES, docs: T::FIELD_DOCS }
    }

    /// Each key that something is said of, and what.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, String)> {
        let said = self.names.iter().zip(self.docs);
        said.filter_map(|(name, doc)| Some((*name, plain((*doc)?))))
    }
}

/// Documentation as text in one line: links are what they are called.
fn plain(doc: &str) -> String {
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = doc.split("[`");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("`]").unwrap_or((part, ""));
        let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        text.extend(["`", name, "`", target.map_or(rest, |(_, rest)| rest)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn documentation_becomes_one_line_without_links() {
        assert_eq!(plain("Off until\nit is\n\nnamed."), "Off until it is named.");
        assert_eq!(
            plain("As [`Wait`] or [`none`](Optional::none), (or not)."),
            "As `Wait` or `none`, (or not)."
        );
        assert_eq!(plain("A list `[a]` of them."), "A list `[a]` of them.");
    }
}
