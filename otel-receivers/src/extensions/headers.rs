//! Headers with credentials.

use http::{HeaderMap, HeaderName, HeaderValue};
use otel_core::net::auth::AuthenticationError;

/// The one value of a header, or nothing. Of several nobody can tell which one others go by.
pub(super) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h [u8]>, AuthenticationError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(AuthenticationError::unauthenticated(format!("the header {name} occurs more than once")));
    }
    Ok(first.map(HeaderValue::as_bytes).filter(|value| !value.is_empty()))
}
