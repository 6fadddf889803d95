//! Views against the schema and against hand-written bytes.

use super::*;
use crate::pdata::schema::{self, Message};

fn assert_covers(fields: &[(u32, &str)], message: &Message) {
    let expected: Vec<_> = message.fields.iter().map(|field| (field.number, field.name)).collect();
    let fields: Vec<_> =
        fields.iter().map(|&(number, name)| (number, name.trim_start_matches("r#"))).collect();
    assert_eq!(fields, expected, "{}", message.name);
}

#[test]
fn every_field_of_the_schema_has_an_accessor() {
    assert_covers(Resource::FIELDS, &schema::RESOURCE);
    assert_covers(EntityRef::FIELDS, &schema::ENTITY_REF);
    assert_covers(Scope::FIELDS, &schema::SCOPE);
    assert_covers(Span::FIELDS, &schema::SPAN);
    assert_covers(Event::FIELDS, &schema::EVENT);
    assert_covers(Link::FIELDS, &schema::LINK);
    assert_covers(Status::FIELDS, &schema::STATUS);
    assert_covers(LogRecord::FIELDS, &schema::LOG_RECORD);
    assert_covers(Metric::FIELDS, &schema::METRIC);
    assert_covers(Gauge::FIELDS, &schema::GAUGE);
    assert_covers(Sum::FIELDS, &schema::SUM);
    assert_covers(Histogram::FIELDS, &schema::HISTOGRAM);
    assert_covers(ExponentialHistogram::FIELDS, &schema::EXPONENTIAL_HISTOGRAM);
    assert_covers(Summary::FIELDS, &schema::SUMMARY);
    assert_covers(NumberDataPoint::FIELDS, &schema::NUMBER_DATA_POINT);
    assert_covers(HistogramDataPoint::FIELDS, &schema::HISTOGRAM_DATA_POINT);
    assert_covers(ExponentialHistogramDataPoint::FIELDS, &schema::EXPONENTIAL_HISTOGRAM_DATA_POINT);
    assert_covers(Buckets::FIELDS, &schema::BUCKETS);
    assert_covers(SummaryDataPoint::FIELDS, &schema::SUMMARY_DATA_POINT);
    assert_covers(ValueAtQuantile::FIELDS, &schema::VALUE_AT_QUANTILE);
    assert_covers(Exemplar::FIELDS, &schema::EXEMPLAR);
}

#[test]
fn ids_print_as_hex_and_nothing_where_empty() {
    let id = SpanId::new([0, 1, 0x2a, 0xff, 0, 0, 0, 9]);
    assert_eq!(id.to_string(), "00012aff00000009");
    assert_eq!(TraceId::EMPTY.to_string(), "");
    assert!(TraceId::default().is_empty() && !id.is_empty());
}

#[test]
fn enums_keep_numbers_without_a_name() {
    assert_eq!(SpanKind(77).to_string(), "77");
    assert_eq!(SpanKind(77).name(), None);
    assert_eq!(SeverityNumber::INFO2.name(), Some("SEVERITY_NUMBER_INFO2"));
    assert_eq!(StatusCode::from_name("STATUS_CODE_ERROR"), Some(StatusCode::ERROR));
}

#[test]
fn packed_and_unpacked_numbers_read_alike() {
    // Field 2 of Buckets: packed 1, 300; then unpacked 7.
    let buckets = Buckets::from_bytes(&[0x12, 3, 1, 0xac, 2, 0x10, 7]);
    assert_eq!(buckets.bucket_counts().collect::<Vec<_>>(), [1, 300, 7]);
    // Field 6 of HistogramDataPoint: unpacked 1, then packed 2 and 3.
    let mut bytes = vec![0x31, 1, 0, 0, 0, 0, 0, 0, 0, 0x32, 16];
    bytes.extend([2u64.to_le_bytes(), 3u64.to_le_bytes()].concat());
    assert_eq!(HistogramDataPoint::from_bytes(&bytes).bucket_counts().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_string_table_reference_reads_as_absent() {
    assert_eq!(AnyValue::from_bytes(&[0x40, 5]), AnyValue::Empty);
}

#[test]
fn the_first_of_two_equal_keys_is_found_whatever_the_order_of_their_fields() {
    // Attribute "k" = 1 with the value before the key, then "k" = 2 with a key length of two bytes.
    let resource = Resource::from_bytes(&[
        0x0a, 7, 0x12, 2, 0x18, 1, 0x0a, 1, b'k', 0x0a, 8, 0x0a, 0x81, 0, b'k', 0x12, 2, 0x18, 2,
    ]);
    assert_eq!(resource.attributes().get("k"), Some(AnyValue::Int(1)));
    assert_eq!(resource.attributes().iter().map(KeyValue::value).nth(1), Some(AnyValue::Int(2)));
    assert_eq!(resource.attributes().iter().filter(|attribute| attribute.key() == "k").count(), 2);
    assert_eq!(format!("{resource:?}"), r#"Resource { attributes: {"k": 1, "k": 2} }"#);
}

#[test]
fn a_second_attribute_with_a_long_key_length_is_found() {
    let resource = Resource::from_bytes(&[0x0a, 8, 0x0a, 0x81, 0, b'k', 0x12, 2, 0x18, 2]);
    assert_eq!(resource.attributes().get("k"), Some(AnyValue::Int(2)));
    assert!(!resource.attributes().contains_key(""));
}
