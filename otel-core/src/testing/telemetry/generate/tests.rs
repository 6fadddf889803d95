use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::testing::raw::Tree;

fn odd_encodings_decode_to_their_request<S: Generate>(odd: &Odd<S>) -> Result<(), TestCaseError> {
    prop_assert_eq!(&S::Request::decode(odd.bytes.clone()).unwrap(), &odd.request);
    Ok(())
}

/// What prost writes is what is left of the canonical tree once the unknown fields are gone.
fn the_oracle_agrees_with_prost<S: Generate>(odd: &Odd<S>) -> Result<(), TestCaseError> {
    let mut known = Tree::parse(S::KIND, &odd.bytes).unwrap().canonical();
    drop_unknown(raw::request(S::KIND), &mut known.fields);
    let prost = Tree::parse(S::KIND, &odd.request.encode_to_vec()).unwrap().canonical();
    prop_assert_eq!(&known, &prost);
    prop_assert_eq!(S::Request::decode(&*known.encode()).unwrap(), odd.request.clone());
    Ok(())
}

fn drop_unknown(schema: &'static crate::pdata::schema::Message, fields: &mut Vec<raw::Field>) {
    fields.retain(|field| schema.field(field.number).is_some());
    for field in fields {
        if let (crate::pdata::schema::Kind::Message(of), raw::Value::Message(fields)) =
            (schema.field(field.number).unwrap().kind, &mut field.value)
        {
            drop_unknown(of, fields);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn odd_traces_mean_their_request(odd in odd::<Traces>()) {
        odd_encodings_decode_to_their_request(&odd)?;
        the_oracle_agrees_with_prost(&odd)?;
    }

    #[test]
    fn odd_metrics_mean_their_request(odd in odd::<Metrics>()) {
        odd_encodings_decode_to_their_request(&odd)?;
        the_oracle_agrees_with_prost(&odd)?;
    }

    #[test]
    fn odd_logs_mean_their_request(odd in odd::<Logs>()) {
        odd_encodings_decode_to_their_request(&odd)?;
        the_oracle_agrees_with_prost(&odd)?;
    }
}
