//! Generated telemetry through JSON and back.

use proptest::prelude::*;
use prost::Message;

use super::{assert_valid, schema_of};
use crate::pdata::schema::{self, Kind, Label};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use crate::testing::generate::{self, Generate, Odd};
use crate::testing::raw::{Field, Tree, Value};

/// The tree as JSON can tell it: without unknown fields, and with the messages that are always there.
fn told(schema: &'static schema::Message, fields: &mut Vec<Field>) {
    fields.retain(|field| schema.field(field.number).is_some());
    for known in schema.fields {
        if known.label == Label::One
            && matches!(known.kind, Kind::Message(_))
            && fields.iter().all(|field| field.number != known.number)
        {
            fields.push(Field { number: known.number, value: Value::Message(Vec::new()) });
        }
    }
    fields.sort_by_key(|field| field.number);
    for field in fields {
        if let (Some(Kind::Message(of)), Value::Message(fields)) =
            (schema.field(field.number).map(|known| known.kind), &mut field.value)
        {
            told(of, fields);
        }
    }
}

fn tree(kind: SignalKind, bytes: &[u8]) -> Tree {
    let mut tree = Tree::parse(kind, bytes).unwrap().canonical();
    told(schema_of(kind), &mut tree.fields);
    tree
}

fn round_trips<S: Generate>(odd: &Odd<S>) -> Result<(), TestCaseError> {
    let signal = S::from_bytes(odd.bytes.clone()).unwrap();
    let mut json = Vec::new();
    signal.to_json(&mut json);
    let again = S::from_json(&json)
        .map_err(|error| TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(&json))))?;
    assert_valid(&again);
    prop_assert_eq!(again.items(), signal.items());
    prop_assert_eq!(tree(S::KIND, &again.to_bytes()), tree(S::KIND, &odd.request.encode_to_vec()));

    // White space changes nothing.
    let spaced = S::from_json(&spaced(&json)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(tree(S::KIND, &spaced.to_bytes()), tree(S::KIND, &again.to_bytes()));
    Ok(())
}

/// The text with white space around everything that is not inside a string.
fn spaced(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut string, mut escaped) = (false, false);
    for byte in json {
        if !string && b"{}[]:,\"".contains(byte) {
            out.extend(b"\r\n\t ");
        }
        out.push(*byte);
        if *byte == b'"' && !escaped {
            string = !string;
        }
        escaped = *byte == b'\\' && !escaped;
        if !string && b"{}[]:,\"".contains(byte) {
            out.push(b' ');
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn traces_come_back(odd in generate::odd::<Traces>()) {
        round_trips(&odd)?;
    }

    #[test]
    fn metrics_come_back(odd in generate::odd::<Metrics>()) {
        round_trips(&odd)?;
    }

    #[test]
    fn logs_come_back(odd in generate::odd::<Logs>()) {
        round_trips(&odd)?;
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[\\[\\]{}:,\"\\\\ a-z0-9.eE+-]{0,60}") {
        drop(Traces::from_json(text.as_bytes()));
    }
}
