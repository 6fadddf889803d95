use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use indexmap::IndexMap;

use super::super::{
    Decode, Decoder, Diagnostic, Fields, FromNode, MapList, Node, Optional, Schema, Secret, Severity, Source,
    Value, from_yaml,
};
use super::{decode, messages, tree};
use crate::component::ComponentConfig;
use crate::{ComponentId, Invalid};

#[derive(Debug, Default, PartialEq)]
struct Leaves {
    flag: bool,
    small: u8,
    signed: i64,
    count: usize,
    positive: Option<NonZeroU32>,
    ratio: f64,
    text: String,
    wait: Duration,
    names: Vec<String>,
    sizes: Vec<u16>,
    labels: IndexMap<String, String>,
    by_id: BTreeMap<ComponentId, u32>,
    plain: HashMap<String, bool>,
    id: Option<ComponentId>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    Gzip,
    None,
}

const MODES: [(&str, Mode); 3] = [("gzip", Mode::Gzip), ("none", Mode::None), ("", Mode::None)];

impl FromNode for Mode {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &MODES)
    }

    fn schema() -> Schema {
        Schema::one_of(&MODES)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &MODES)
    }
}

impl Decode for Leaves {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("flag", &mut self.flag);
        fields.take("small", &mut self.small);
        fields.take("signed", &mut self.signed);
        fields.take("count", &mut self.count);
        fields.take("positive", &mut self.positive);
        fields.take("ratio", &mut self.ratio);
        fields.take("text", &mut self.text);
        fields.take("wait", &mut self.wait);
        fields.take("names", &mut self.names);
        fields.take("sizes", &mut self.sizes);
        fields.take("labels", &mut self.labels);
        fields.take("by_id", &mut self.by_id);
        fields.take("plain", &mut self.plain);
        fields.take("id", &mut self.id);
        fields.take("mode", &mut self.mode);
    }
}

#[test]
fn leaves_are_read_by_the_collectors_rules() {
    let (leaves, told) = decode::<Leaves>(
        "{flag: true, small: 0x10, signed: -0b11, count: 1_000, positive: 0123, ratio: 1, text: yes, wait: 1m30s,
          names: 'a,b', sizes: [1, 1e3], labels: {a: x}, by_id: {otlp/x: 1}, plain: {a: false}, id: ' batch ', mode: none}",
    );
    assert!(told.is_empty(), "{told}");
    let expected = Leaves {
        flag: true,
        small: 16,
        signed: -3,
        count: 1000,
        positive: NonZeroU32::new(83),
        ratio: 1.0,
        text: "yes".to_owned(),
        wait: Duration::from_secs(90),
        names: vec!["a".to_owned(), "b".to_owned()],
        sizes: vec![1, 1000],
        labels: IndexMap::from([("a".to_owned(), "x".to_owned())]),
        by_id: BTreeMap::from([("otlp/x".parse().expect("an id"), 1)]),
        plain: HashMap::from([("a".to_owned(), false)]),
        id: Some(ComponentId::of_type("batch")),
        mode: Mode::None,
    };
    assert_eq!(leaves, expected);
}

#[test]
fn null_is_the_zero_value_of_a_leaf() {
    let mut leaves = Leaves {
        flag: true,
        small: 1,
        text: "x".to_owned(),
        wait: Duration::from_secs(1),
        names: vec!["x".to_owned()],
        positive: NonZeroU32::new(1),
        ..Leaves::default()
    };
    let mut decoder = Decoder::default();
    leaves.update(
        &tree("{flag:, small: ~, text: null, wait:, names:, positive:, labels:, ratio:}"),
        &mut decoder,
    );
    assert!(decoder.diagnostics().is_empty());
    assert_eq!(leaves, Leaves::default());
}

#[test]
fn every_wrong_leaf_is_told_and_keeps_its_default() {
    let yaml = "{flag: 'true', small: 256, signed: 1.5, count: -1, positive: 0, ratio: '1', text: 12, wait: 5 parsecs,
        names: {a: b}, sizes: [1, x, 70000], labels: {a: 1}, by_id: {/x: 1, 'a ': 1, ' a': 2}, plain: [], id: a b, mode: gzpi}";
    let (leaves, told) = decode::<Leaves>(yaml);
    assert_eq!(
        messages(&told),
        [
            "flag: expected true or false, got string \"true\"",
            "small: expected an integer from 0 to 255, got integer 256",
            "signed: expected an integer, got number 1.5",
            "count: expected an integer from 0 to 18446744073709551615, got integer -1",
            "positive: expected an integer from 1 to 4294967295, got integer 0",
            "ratio: expected a number, got string \"1\"",
            "text: expected a string, got integer 12",
            "wait: invalid duration \"5 parsecs\"",
            "names: expected a list, got a map",
            "sizes::1: expected an integer, got string \"x\"",
            "sizes::2: expected an integer from 0 to 65535, got integer 70000",
            "labels::a: expected a string, got integer 1",
            "by_id: in \"/x\" id: the part before / should not be empty",
            "by_id: key ` a` occurs twice in this map",
            "plain: expected a map, got a list",
            "id: invalid character(s) in type \"a b\"",
            "mode: \"gzpi\" is not one of the allowed values",
        ]
    );
    assert_eq!(leaves, Leaves { sizes: vec![1], ..Leaves::default() });
    let rendered = told.render(told.iter().last().expect("the last message"));
    assert!(rendered.ends_with("= help: did you mean `gzip`?\n  = allowed: gzip, none"), "{rendered}");
}

#[test]
fn durations_are_text_or_nanoseconds_and_not_negative() {
    let (leaves, told) = decode::<Leaves>("wait: 1500");
    assert_eq!((leaves.wait, told.is_empty()), (Duration::from_nanos(1500), true));
    assert_eq!(messages(&decode::<Leaves>("wait: -5s").1), ["wait: duration \"-5s\" must not be negative"]);
    assert_eq!(messages(&decode::<Leaves>("wait: -5").1), ["wait: duration \"-5\" must not be negative"]);
    assert_eq!(
        messages(&decode::<Leaves>("wait: true").1),
        ["wait: expected a duration such as 200ms or 1h30m, got boolean true"]
    );
}

#[derive(Debug, PartialEq)]
struct Server {
    endpoint: String,
    net: Net,
    tls: Optional<Net>,
    headers: MapList<Secret>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Net {
    transport: String,
    dials: u32,
}

impl Default for Server {
    fn default() -> Self {
        let net = Net { transport: "tcp".to_owned(), dials: 0 };
        Self {
            endpoint: "localhost:4317".to_owned(),
            net,
            tls: Optional::none(),
            headers: MapList::default(),
        }
    }
}

impl Decode for Net {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("transport", &mut self.transport);
        fields.take("dials", &mut self.dials);
    }
}

impl Decode for Server {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.renamed("address", "endpoint", &mut self.endpoint);
        fields.take("endpoint", &mut self.endpoint);
        fields.block(&mut self.net);
        fields.take("tls", &mut self.tls);
        fields.take("headers", &mut self.headers);
        fields.tolerated("read_buffer_size", "buffers size themselves");
        fields.unsupported("auth", "no authenticator can be configured");
    }
}

impl ComponentConfig for Server {
    const TYPE: &'static str = "server";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if !self.endpoint.contains(':') {
            broken.push(Invalid::new("endpoint", "must be host:port"));
        }
        if let Some(tls) = self.tls.get()
            && tls.dials == 0
        {
            broken.push(Invalid::new("dials", "must be positive").within("tls"));
        }
        broken
    }
}

#[derive(Debug, Default)]
struct Whole {
    first: Server,
    queue: Optional<Net>,
}

impl Decode for Whole {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("first", &mut self.first);
        fields.take("queue", &mut self.queue);
    }
}

#[test]
fn shared_blocks_take_their_keys_from_the_same_map() {
    let (server, told) = decode::<Server>("{endpoint: 'a:1', dials: 3}");
    assert!(told.is_empty(), "{told}");
    assert_eq!(server.net, Net { transport: "tcp".to_owned(), dials: 3 });
}

#[test]
fn keys_are_unknown_tolerated_unsupported_or_renamed() {
    let (server, told) = decode::<Server>("{address: 'a:1', read_buffer_size: 1, auth: {x: 1}, dails: 2}");
    assert_eq!(
        messages(&told),
        [
            "address: `address` is now called `endpoint`",
            "read_buffer_size: `read_buffer_size` has no effect: buffers size themselves",
            "auth: `auth` is not supported: no authenticator can be configured",
            "dails: unknown key `dails`",
        ]
    );
    let severities: Vec<_> = told.iter().map(Diagnostic::severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Warning, Severity::Error, Severity::Error]);
    assert_eq!(server.endpoint, "a:1");
    let unknown = told.render(told.iter().last().expect("the unknown key"));
    assert!(
        unknown.ends_with(
            "= help: did you mean `dials`?\n  = allowed: endpoint, transport, dials, tls, headers"
        ),
        "{unknown}"
    );
}

#[test]
fn a_section_keeps_the_defaults_that_its_parent_gave_it() {
    for yaml in ["first:", "first: {}", "{}", ""] {
        let (whole, told) = decode::<Whole>(yaml);
        assert!(told.is_empty(), "{yaml}: {told}");
        assert_eq!(whole.first, Server::default(), "{yaml}");
    }
    assert_eq!(messages(&decode::<Whole>("first: [1]").1), ["first: expected a map of keys, got a list"]);
}

#[test]
fn optional_sections_have_three_states() {
    let defaults = Net { transport: "x".to_owned(), dials: 7 };
    let off = Optional::none;
    let dormant = || Optional::dormant(defaults.clone());
    let on = || Optional::some(defaults.clone());
    let named = |value: &str, mut section: Optional<Net>| {
        let mut decoder = Decoder::default();
        section.update(&tree(value), &mut decoder);
        assert!(decoder.diagnostics().is_empty(), "{value}");
        section.get().cloned()
    };
    let changed = Net { transport: "x".to_owned(), dials: 1 };
    assert_eq!(named("", off()), None);
    assert_eq!(named("{}", off()), Some(Net::default()));
    assert_eq!(named("", dormant()), Some(defaults.clone()));
    assert_eq!(named("{}", dormant()), Some(defaults.clone()));
    assert_eq!(named("dials: 1", dormant()), Some(changed.clone()));
    assert_eq!(named("", on()), Some(defaults.clone()));
    assert_eq!(named("dials: 1", on()), Some(changed.clone()));
    assert_eq!(named("enabled: false", on()), None);
    assert_eq!(named("{enabled: true, dials: 1}", dormant()), Some(changed));
    assert_eq!(dormant().get(), None);
    assert_eq!(
        messages(&decode::<Whole>("queue: {enabled: 'no'}").1),
        ["queue::enabled: expected true or false, got string \"no\""]
    );
}

#[test]
fn headers_are_a_map_or_a_list() {
    let named = |yaml: &str| {
        let (server, told) = decode::<Server>(yaml);
        assert!(told.is_empty(), "{told}");
        let pairs = server.headers.iter().map(|(name, value)| format!("{name}={}", value.expose()));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(named("headers: {a: x, b: y}"), ["a=x", "b=y"]);
    assert_eq!(named("headers: [{name: a, value: x}, {name: b, value: y}]"), ["a=x", "b=y"]);
    assert_eq!(
        messages(&decode::<Server>("headers: [{name: a}, {value: 1}]").1),
        ["headers::1: key `name` is required", "headers::1::value: expected a string, got an integer",]
    );
    assert_eq!(
        messages(&decode::<Server>("headers: [{name: a}, {name: a}]").1),
        ["headers: name `a` occurs twice in this list"]
    );
}

#[test]
fn broken_rules_stand_at_their_keys_and_spare_what_could_not_be_read() {
    let errors =
        from_yaml::<Server>("test.yaml", "endpoint: nowhere\ntls:\n  transport: x\n").expect_err("two rules");
    let places = errors.diagnostics().iter().map(|problem| {
        format!("{} {}: {}", problem.location().expect("a place"), problem.path(), problem.message())
    });
    let places: Vec<_> = places.collect();
    assert_eq!(
        places,
        ["test.yaml:1:11 endpoint: must be host:port", "test.yaml:3:3 tls::dials: must be positive",]
    );
    let errors = from_yaml::<Server>("test.yaml", "tls: {dials: x}").expect_err("one error");
    assert_eq!(messages(errors.diagnostics()), ["tls::dials: expected an integer, got string \"x\""]);
}

#[test]
fn warnings_alone_do_not_fail() {
    assert!(from_yaml::<Server>("test.yaml", "read_buffer_size: 1").is_ok());
    let mut diagnostics = super::Diagnostics::new();
    let node =
        super::parse(&Source::new("test.yaml", "read_buffer_size: 1"), &mut diagnostics).expect("YAML");
    let mut decoder = Decoder::new(diagnostics);
    let server = decoder
        .at("receivers", |decoder| decoder.at("server/1", |decoder| decoder.component::<Server>(&node)));
    assert_eq!(server, Some(Server::default()));
    assert_eq!(
        messages(decoder.diagnostics()),
        ["receivers::server/1::read_buffer_size: `read_buffer_size` has no effect: buffers size themselves"]
    );
}
