use serde_json::{Map, Number, Value as Json};

use super::Value;

/// A value whose secrets have been resolved, as JSON. Infinities and not-a-number are texts, which JSON has no numbers for.
pub(super) fn convert(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => Json::String(value.to_string()),
        },
        Value::Float(value) => {
            Number::from_f64(*value).map_or_else(|| Json::String(value.to_string()), Json::Number)
        }
        Value::Text(text) => Json::String(text.clone()),
        Value::Duration(duration) => u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).into(),
        Value::Secret(inner) => convert(inner),
        Value::List(items) => Json::Array(items.iter().map(convert).collect()),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|(key, value)| (key.clone(), convert(value))).collect::<Map<_, _>>(),
        ),
    }
}

/// A JSON value as one to print.
impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) => Self::Float(value),
                (None, None) => Self::Null,
            },
            Json::String(text) => Self::Text(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => {
                Self::Map(entries.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}
