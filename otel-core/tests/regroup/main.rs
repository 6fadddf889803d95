//! Every regrouping equals the same on trees of fields, unknown fields included, on generated telemetry in odd
//! encodings.

mod oracle;
mod sharing;

use std::num::NonZeroUsize;

use bytes::Bytes;
use otel_core::pdata::view::ItemRef;
use otel_core::pdata::{Interop, Logs, Metrics, Signal, Traces};
use otel_core::testing::generate::{self, Generate};
use otel_core::testing::raw::Field;
use proptest::collection::vec;
use proptest::prelude::*;

/// Every case takes several operations on requests of some kilobytes.
const CASES: u32 = 64;

/// A signal of several segments, and what it holds as a tree.
fn rope<S: Generate>() -> impl Strategy<Value = S> {
    vec(generate::odd::<S>(), 1..4).prop_map(|requests| {
        S::merged(requests.into_iter().map(|odd| S::from_bytes(odd.bytes).expect("it is valid")))
    })
}

/// Asserts what a signal holds, and that it knows how much that is.
#[track_caller]
fn assert_holds<S: Interop>(signal: &S, expected: &[Field], what: &str) {
    let mut tree = oracle::tree(signal);
    assert_eq!(tree.fields, expected, "{what}");
    assert_counts(signal);
    // What prost makes of both is the same too.
    let wire = signal.to_request();
    tree.fields = expected.to_vec();
    let expected = S::from_bytes(tree.encode().into()).expect("the tree is valid").to_request();
    assert_eq!(format!("{wire:?}"), format!("{expected:?}"), "{what}");
}

/// Asserts that the counts that travel with the bytes are true of each segment.
#[track_caller]
fn assert_counts<S: Signal>(signal: &S) {
    let segments = signal.segments().map(|bytes: &Bytes| S::from_bytes(bytes.clone()).expect("it is valid"));
    assert_eq!(segments.map(|segment| segment.items()).sum::<usize>(), signal.items());
    assert_eq!(signal.iter().count(), signal.items());
}

/// Decisions for any number of things, from a few that repeat.
fn cycle(decisions: &[usize]) -> impl Iterator<Item = usize> + '_ {
    decisions.iter().copied().cycle()
}

fn retains_and_partitions<S: Interop>(signal: S, decisions: &[usize]) {
    let before = oracle::tree(&signal).fields;
    let leaf = oracle::item_parent(S::KIND);
    let all: Vec<usize> = cycle(decisions).map(|decision| decision % 2).take(signal.items()).collect();
    let expected = [0, 1].map(|bucket| oracle::select(&before, leaf, &all, bucket));

    let mut next = all.iter();
    let mut retained = signal.clone();
    retained.retain(|_| next.next() == Some(&0));
    assert_holds(&retained, &expected[0], "retained");

    let mut next = all.iter();
    let (first, second) = signal.partition(|_| next.next() == Some(&0));
    assert_holds(&first, &expected[0], "accepted");
    assert_holds(&second, &expected[1], "refused");
}

fn retains_and_partitions_groups<S: Interop>(signal: S, decisions: &[usize]) {
    let before = oracle::tree(&signal).fields;
    let all: Vec<usize> = cycle(decisions).map(|decision| decision % 2).take(1_000).collect();
    let expected = |leaf| [0, 1].map(|bucket| oracle::select(&before, leaf, &all, bucket));

    let [kept, others] = expected(oracle::REQUEST);
    let mut next = all.iter();
    let mut retained = signal.clone();
    retained.retain_resources(|_| next.next() == Some(&0));
    assert_holds(&retained, &kept, "retained resources");
    let mut next = all.iter();
    let (first, second) = signal.clone().partition_resources(|_| next.next() == Some(&0));
    assert_holds(&first, &kept, "accepted resources");
    assert_holds(&second, &others, "refused resources");

    let [kept, others] = expected(oracle::RESOURCE);
    let mut next = all.iter();
    let mut retained = signal.clone();
    retained.retain_scopes(|_, _| next.next() == Some(&0));
    assert_holds(&retained, &kept, "retained scopes");
    let mut next = all.iter();
    let (first, second) = signal.partition_scopes(|_, _| next.next() == Some(&0));
    assert_holds(&first, &kept, "accepted scopes");
    assert_holds(&second, &others, "refused scopes");
}

fn groups<S: Interop>(signal: &S, decisions: &[usize]) {
    let before = oracle::tree(signal).fields;
    let all: Vec<usize> = cycle(decisions).take(1_000).collect();
    let check = |leaf: usize, things: usize, groups: Vec<(usize, S)>| {
        let mut order = Vec::new();
        for key in &all[..things] {
            if !order.contains(key) {
                order.push(*key);
            }
        }
        assert_eq!(groups.iter().map(|(key, _)| *key).collect::<Vec<_>>(), order);
        let buckets: Vec<usize> =
            all.iter().map(|key| order.iter().position(|seen| seen == key).unwrap_or(usize::MAX)).collect();
        for (bucket, (_, group)) in groups.iter().enumerate() {
            assert_holds(group, &oracle::select(&before, leaf, &buckets, bucket), "group");
        }
    };
    let mut next = all.iter().copied();
    check(
        oracle::item_parent(S::KIND),
        signal.items(),
        signal.clone().group_by(|_| next.next().expect("there are enough")),
    );
    let mut next = all.iter().copied();
    check(
        oracle::REQUEST,
        signal.resource_groups().count(),
        signal.clone().group_by_resource(|_| next.next().expect("there are enough")),
    );
    let mut next = all.iter().copied();
    check(
        oracle::RESOURCE,
        signal.resource_groups().map(|group| group.scopes().count()).sum(),
        signal.clone().group_by_scope(|_, _| next.next().expect("there are enough")),
    );
}

/// A cut goes through one segment; the others stay whole.
fn splits<S: Interop>(segments: &[S], items: usize) {
    let whole = S::merged(segments.iter().cloned());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut left = Some(items);
    for segment in segments {
        let fields = oracle::tree(segment).fields;
        match left {
            _ if items >= whole.items() => first.extend(fields),
            _ if items == 0 => second.extend(fields),
            Some(room) if segment.items() <= room => {
                first.extend(fields);
                left = Some(room - segment.items());
            }
            Some(room) => {
                let (head, tail) = oracle::split(S::KIND, &fields, room);
                first.extend(head);
                second.extend(tail);
                left = None;
            }
            None => second.extend(fields),
        }
    }
    // The canonical order is by number.
    first.sort_by_key(|field| field.number);
    second.sort_by_key(|field| field.number);
    let (head, tail) = whole.clone().split_items(items);
    assert_eq!(head.items(), items.min(whole.items()));
    assert_holds(&head, &first, "first part");
    assert_holds(&tail, &second, "second part");
}

fn chunks<S: Interop>(signal: &S, max: usize) {
    let max = NonZeroUsize::new(max).expect("the tests use positive sizes");
    let parts: Vec<S> = signal.clone().chunks(max).collect();
    let mut rest = oracle::only_items(S::KIND, &oracle::tree(signal).fields);
    for (at, part) in parts.iter().enumerate() {
        assert!(part.items() == max.get() || at + 1 == parts.len(), "only the last one is smaller");
        assert_counts(part);
        let (head, tail) = oracle::split(S::KIND, &rest, part.items());
        assert_eq!(oracle::only_items(S::KIND, &oracle::tree(part).fields), head);
        rest = tail;
    }
    assert_eq!(rest, [], "nothing is left");
    let unknown = |signal: &S| oracle::tree(signal).fields.into_iter().filter(|field| field.number != 1);
    let mut kept: Vec<Field> = parts.iter().flat_map(unknown).collect();
    kept.sort_by_key(|field| field.number);
    assert_eq!(kept, unknown(signal).collect::<Vec<_>>(), "unknown fields stay");
}

fn splits_by_bytes<S: Interop>(signal: &S, max: usize) {
    let mut rest = signal.clone();
    let mut left = oracle::only_items(S::KIND, &oracle::tree(signal).fields);
    while !rest.is_empty() {
        let (part, tail) = rest.clone().split_bytes(max);
        assert!(!part.is_empty(), "it goes on");
        assert_eq!(part.items() + tail.items(), rest.items());
        assert!(part.encoded_len() <= max || part.items() <= 1, "{} of {max} bytes", part.encoded_len());
        assert_counts(&part);
        let (head, others) = oracle::split(S::KIND, &left, part.items());
        assert_eq!(oracle::only_items(S::KIND, &oracle::tree(&part).fields), head);
        left = others;
        rest = tail;
    }
    assert_eq!(left, [], "nothing is left");
}

/// In the shortest notation, and without what has no items, one more item would be too much.
fn fills_the_bytes<S: Interop>(request: &S::Request, max: usize) {
    let mut tree = oracle::tree(&S::from_request(request).expect("it is valid"));
    tree.fields = oracle::only_items(S::KIND, &tree.fields);
    let signal = S::from_bytes(tree.encode().into()).expect("it is valid");
    let (part, rest) = signal.clone().split_bytes(max);
    if !rest.is_empty() {
        let (more, _) = signal.split_items(part.items() + 1);
        assert!(more.encoded_len() > max, "{} items would fit", part.items() + 1);
    }
}

fn merges<S: Interop>(signals: Vec<S>) {
    let mut expected: Vec<Field> = signals.iter().flat_map(|signal| oracle::tree(signal).fields).collect();
    expected.sort_by_key(|field| field.number);
    assert_holds(&S::merged(signals.iter().cloned()), &expected, "merged at once");
    let mut merged = S::default();
    for signal in signals {
        merged.merge(signal);
    }
    assert_holds(&merged, &expected, "merged one by one");
}

/// A signal whose items can be printed each for itself: a data point prints along with all others of its metric.
trait Print: Signal {
    fn print(at: &ItemRef<'_, Self>) -> String {
        format!("{:?}", at.item())
    }
}

impl Print for Traces {}
impl Print for Logs {}
impl Print for Metrics {
    fn print(at: &ItemRef<'_, Self>) -> String {
        let metric = at.metric();
        let texts = [metric.name(), metric.description(), metric.unit()];
        format!(
            "{:?} of {texts:?}, {:?}, {:?}",
            at.item().point(),
            metric.metadata(),
            metric.aggregation_temporality()
        )
    }
}

/// The items with all that is around them.
fn items<S: Print>(signal: &S) -> Vec<String> {
    let print = |at: ItemRef<'_, S>| {
        let urls = (at.resource_group().schema_url(), at.scope_group().schema_url());
        format!("{} of {:?} of {:?}, {urls:?}", S::print(&at), at.scope(), at.resource())
    };
    signal.iter().map(print).collect()
}

/// What is taken apart in any way and merged again is what it was, but for the order where items went several ways.
fn comes_together_again<S: Print>(signal: S, decisions: &[usize]) {
    let cut = decisions.iter().sum();
    let whole = items(&signal);
    let together = |parts: Vec<S>| items(&S::merged(parts));
    let both = |(first, second): (S, S)| together(vec![first, second]);
    assert_eq!(both(signal.clone().split_items(cut)), whole);
    assert_eq!(both(signal.clone().split_bytes(cut * 100)), whole);
    let max = NonZeroUsize::new(cut).unwrap_or(NonZeroUsize::MIN);
    assert_eq!(together(signal.clone().chunks(max).collect()), whole);

    let sorted = |mut items: Vec<String>| {
        items.sort_unstable();
        items
    };
    let whole = sorted(whole);
    let mut next = cycle(decisions);
    let parts = signal.clone().partition(|_| next.next() == Some(0));
    assert_eq!(sorted(both(parts)), whole);
    let mut next = cycle(decisions);
    let parts = signal.group_by(|_| next.next());
    assert_eq!(sorted(together(parts.into_iter().map(|(_, part)| part).collect())), whole);
}

/// `properties!(module Signal …)` becomes the properties for each signal.
macro_rules! properties {
    ($($module:ident $signal:ident)*) => {$(
        mod $module {
            use super::*;

            fn segments() -> impl Strategy<Value = Vec<$signal>> {
                vec(generate::odd::<$signal>(), 1..4).prop_map(|odd| {
                    odd.into_iter().map(|odd| $signal::from_bytes(odd.bytes).expect("it is valid")).collect()
                })
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(CASES))]

                #[test]
                fn retain_and_partition_follow_the_predicate(
                    signal in rope::<$signal>(), decisions in vec(0usize..2, 1..20),
                ) {
                    retains_and_partitions(signal, &decisions);
                }

                #[test]
                fn whole_groups_follow_the_predicate(
                    signal in rope::<$signal>(), decisions in vec(0usize..2, 1..8),
                ) {
                    retains_and_partitions_groups(signal, &decisions);
                }

                #[test]
                fn groups_follow_the_keys(signal in rope::<$signal>(), keys in vec(0usize..4, 1..20)) {
                    groups(&signal, &keys);
                }

                #[test]
                fn a_split_cuts_after_the_number_of_items(segments in segments(), items in 0usize..30) {
                    splits(&segments, items);
                }

                #[test]
                fn chunks_hold_what_they_should(signal in rope::<$signal>(), max in 1usize..20) {
                    chunks(&signal, max);
                }

                #[test]
                fn a_split_keeps_to_the_number_of_bytes(signal in rope::<$signal>(), max in 0usize..3_000) {
                    splits_by_bytes(&signal, max);
                }

                #[test]
                fn a_split_fills_the_number_of_bytes(
                    request in generate::requests::<$signal>(), max in 0usize..3_000,
                ) {
                    fills_the_bytes::<$signal>(&request, max);
                }

                #[test]
                fn what_is_taken_apart_comes_together_again(
                    signal in rope::<$signal>(), decisions in vec(0usize..4, 1..20),
                ) {
                    comes_together_again(signal, &decisions);
                }

                #[test]
                fn merging_appends(segments in segments()) {
                    merges(segments);
                }
            }
        }
    )*};
}

properties! { traces Traces metrics Metrics logs Logs }

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn whole_metrics_follow_the_predicate(signal in rope::<Metrics>(), decisions in vec(0usize..2, 1..20)) {
        let before = oracle::tree(&signal).fields;
        let all: Vec<usize> = cycle(&decisions).take(1_000).collect();
        let [kept, others] = [0, 1].map(|bucket| oracle::select(&before, oracle::SCOPE, &all, bucket));
        let mut next = all.iter();
        let mut retained = signal.clone();
        retained.retain_metrics(|_, _, _| next.next() == Some(&0));
        assert_holds(&retained, &kept, "retained metrics");
        let mut next = all.iter();
        let (first, second) = signal.partition_metrics(|_, _, _| next.next() == Some(&0));
        assert_holds(&first, &kept, "accepted metrics");
        assert_holds(&second, &others, "refused metrics");
    }
}
