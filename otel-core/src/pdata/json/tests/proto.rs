//! Both directions against the serde implementations of `opentelemetry-proto`, on what those can tell.

use proptest::prelude::*;
use prost::Message as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{assert_valid, schema_of};
use crate::pdata::schema::{ARRAY_VALUE, KEY_VALUE, KEY_VALUE_LIST, Kind, Message, RESOURCE};
use crate::pdata::{Logs, Metrics, Traces};
use crate::testing::compare::assert_equal;
use crate::testing::generate::{self, Generate};
use crate::testing::raw::{Field, Tree, Value};

/// Changes what serde's side cannot tell: doubles become small multiples of a quarter, as it does not know infinity and
/// reads to the last place but one; entities go, and arrays, maps and keys are not empty, as it knows no absence there.
fn make_tellable(schema: &'static Message, fields: &mut Vec<Field>) {
    let is = |other: &Message| std::ptr::eq(schema, other);
    if fields.is_empty() && (is(&ARRAY_VALUE) || is(&KEY_VALUE_LIST)) {
        fields.push(Field { number: 1, value: Value::Message(Vec::new()) });
    }
    fields.retain(|field| !is(&RESOURCE) || field.number != 3);
    if is(&KEY_VALUE) && fields.iter().all(|field| field.number != 1) {
        fields.push(Field { number: 1, value: Value::Bytes(b"k".into()) });
    }
    for field in fields {
        match (&mut field.value, schema.field(field.number).map(|known| known.kind)) {
            (Value::Fixed64(bits), Some(Kind::Double)) => {
                *bits = (f64::from(f64::from_bits(*bits) as i32) / 4.0).to_bits();
            }
            (Value::Message(fields), Some(Kind::Message(of))) => make_tellable(of, fields),
            _ => {}
        }
    }
}

fn agree<S: Generate>(request: &S::Request) -> Result<(), TestCaseError>
where
    S::Request: Serialize + DeserializeOwned,
{
    let mut tree = Tree::parse(S::KIND, &request.encode_to_vec()).unwrap().canonical();
    make_tellable(schema_of(S::KIND), &mut tree.fields);
    let signal = S::from_bytes(tree.encode().into()).unwrap();
    let request = signal.to_request();

    let text = serde_json::to_vec(&request).unwrap();
    let read = S::from_json(&text)
        .map_err(|error| TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(&text))))?;
    assert_valid(&read);
    assert_equal(&read, &signal);

    let mut text = Vec::new();
    signal.to_json(&mut text);
    let read: S::Request = serde_json::from_slice(&text)
        .map_err(|error| TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(&text))))?;
    assert_equal(&S::from_request(&read).unwrap(), &signal);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn traces_read_and_write_alike(request in generate::requests::<Traces>()) {
        agree::<Traces>(&request)?;
    }

    #[test]
    fn metrics_read_and_write_alike(request in generate::requests::<Metrics>()) {
        agree::<Metrics>(&request)?;
    }

    #[test]
    fn logs_read_and_write_alike(request in generate::requests::<Logs>()) {
        agree::<Logs>(&request)?;
    }
}
