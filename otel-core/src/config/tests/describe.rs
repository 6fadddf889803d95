use std::collections::HashMap;
use std::num::NonZeroU16;
use std::time::Duration;

use serde_json::json;

use crate::config::{
    Decode, Decoder, Fields, FromNode, MapList, Node, Optional, Schema, Secret, Secrets, Value,
};

const FRUITS: [(&str, Fruit); 2] = [("apple", Fruit::Apple), ("pear", Fruit::Pear)];

#[derive(Clone, Copy, PartialEq)]
enum Fruit {
    Apple,
    Pear,
}

impl FromNode for Fruit {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &FRUITS)
    }

    fn schema() -> Schema {
        Schema::one_of(&FRUITS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &FRUITS)
    }
}

#[derive(Default)]
struct Inner {
    port: Option<NonZeroU16>,
    host: String,
}

impl Decode for Inner {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("port", &mut self.port);
        fields.renamed("name", "host", &mut self.host);
        fields.take("host", &mut self.host);
        fields.tolerated("buffer", "there is none");
        fields.unsupported("proxy", "there is none");
    }
}

struct Outer {
    fruit: Fruit,
    timeout: Duration,
    ratio: f32,
    on: Optional<Inner>,
    dormant: Optional<Inner>,
    none: Optional<Inner>,
    list: Vec<Inner>,
    headers: MapList<Secret>,
    password: Secret,
    limits: HashMap<String, i8>,
    deep: u64,
}

impl Default for Outer {
    fn default() -> Self {
        let inner = || Inner { port: NonZeroU16::new(80), host: "http://me:pw@there".to_owned() };
        Self {
            fruit: Fruit::Pear,
            timeout: Duration::from_secs(90),
            ratio: 0.1,
            on: Optional::some(inner()),
            dormant: Optional::dormant(inner()),
            none: Optional::none(),
            list: vec![Inner::default()],
            headers: [("a".to_owned(), Secret::from("b"))].into_iter().collect(),
            password: Secret::from("hush"),
            limits: HashMap::from([("x".to_owned(), -1)]),
            deep: 7,
        }
    }
}

impl Decode for Outer {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { fruit, timeout, ratio, on, dormant, none, list, headers, password, limits, deep } = self;
        fields.take("fruit", fruit);
        fields.take("timeout", timeout);
        fields.take("ratio", ratio);
        fields.take("on", on);
        fields.take("dormant", dormant);
        fields.take("none", none);
        fields.take("list", list);
        fields.take("headers", headers);
        fields.take("password", password);
        fields.take("limits", limits);
        fields.nested("below", |fields| fields.take("deep", deep));
    }
}

#[test]
fn every_key_is_printed_with_its_value() {
    let mut outer = Outer::default();
    let expected = "\
fruit: pear
timeout: 1m30s
ratio: 0.1
\"on\":
    port: 80
    host: http://[REDACTED]@there
dormant:
    enabled: false
none: null
list:
    - port: null
      host: \"\"
headers:
    - name: a
      value: '[REDACTED]'
password: '[REDACTED]'
limits:
    x: -1
below:
    deep: 7
";
    assert_eq!(outer.value().to_yaml(Secrets::Redacted), expected);
    let shown = outer.value().to_yaml(Secrets::Shown);
    assert!(shown.contains("password: hush") && shown.contains("http://me:pw@there"), "{shown}");
}

#[test]
fn a_schema_has_the_keys_the_types_and_the_values_as_defaults() {
    let schema = Outer::schema().into_json();
    assert_eq!(schema["additionalProperties"], false);
    let keys = &schema["properties"];
    assert_eq!(keys["fruit"]["default"], "pear");
    assert_eq!(keys["fruit"]["anyOf"][0]["enum"], json!(["apple", "pear", null]));
    assert_eq!(keys["timeout"]["default"], "1m30s");
    assert_eq!(keys["ratio"]["type"], json!(["number", "null", "string"]));
    // A section that is off says what it would be.
    assert_eq!(keys["dormant"]["properties"]["port"]["default"], 80);
    assert_eq!(keys["dormant"]["properties"]["enabled"]["type"][0], "boolean");
    assert_eq!(keys["none"]["properties"]["port"]["maximum"], 65535);
    assert!(keys["none"]["properties"]["port"].get("default").is_none());
    let inner = &keys["list"]["items"]["properties"];
    assert_eq!(inner["name"]["deprecationMessage"], "`name` is now called `host`");
    assert_eq!(inner["buffer"]["deprecated"], true);
    assert!(inner.get("proxy").is_none(), "what is refused is not offered");
    assert!(!schema.to_string().contains("hush"));
    assert_eq!(keys["password"]["writeOnly"], true);
    assert_eq!(keys["limits"]["additionalProperties"]["minimum"], -128);
    assert_eq!(keys["below"]["properties"]["deep"]["default"], 7);
}

#[test]
fn keys_below_a_key_are_decoded_at_their_path() {
    let (outer, problems) = super::decode::<Outer>("below: {deep: 9, dep: 1}");
    assert_eq!(outer.deep, 9);
    assert_eq!(super::messages(&problems), ["below::dep: unknown key `dep`"]);
}
