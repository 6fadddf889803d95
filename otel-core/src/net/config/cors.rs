use documented::DocumentedFieldsOpt;

use crate::config::{Decode, Fields, KeyDocs};

/// What pages of other origins may do, by the rules of cross-origin resource sharing.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct CorsConfig {
    /// Origins, in each of which one `*` stands for anything; without one nothing is shared.
    pub allowed_origins: Vec<String>,
    /// Headers that requests may have, `*` for any; empty for `Accept`, `Content-Type` and `X-Requested-With`.
    pub allowed_headers: Vec<String>,
    /// Headers of answers that pages may read.
    pub exposed_headers: Vec<String>,
    /// Seconds that browsers may keep the answer to a preflight request; 0 for what they do by themselves, less for not at
    /// all.
    pub max_age: i64,
}

impl Decode for CorsConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { allowed_origins, allowed_headers, exposed_headers, max_age } = self;
        fields.take("allowed_origins", allowed_origins);
        fields.take("allowed_headers", allowed_headers);
        fields.take("exposed_headers", exposed_headers);
        fields.take("max_age", max_age);
        if allowed_origins.is_empty() && !allowed_headers.is_empty() {
            let map = fields.map();
            fields.decoder().warning(map, "`allowed_headers` has no effect without `allowed_origins`");
        }
    }
}
