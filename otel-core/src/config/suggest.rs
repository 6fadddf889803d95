//! What a misspelt word was probably meant to be.

/// The candidate nearest to a word, if it is near enough to be a typing error.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Long texts are values that someone put in the wrong place; comparing them is quadratic.
    if word.len() > 100 {
        return None;
    }
    let lower = word.to_lowercase();
    let (distance, candidate) = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.chars().count() / 4).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_typing_errors_and_nothing_else() {
        let keys = ["timeout", "send_batch_size", "send_batch_max_size"];
        assert_eq!(nearest("send_bach_size", keys), Some("send_batch_size"));
        assert_eq!(nearest("Timeout", keys), Some("timeout"));
        assert_eq!(nearest("tiemout", keys), Some("timeout"));
        assert_eq!(nearest("endpoint", keys), None);
        assert_eq!(nearest("x", []), None);
    }
}
