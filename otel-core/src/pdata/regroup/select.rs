//! Sending items, or whole groups, several ways.

use std::collections::HashMap;
use std::hash::Hash;

use super::output::Outputs;
use super::plan::{Bucket, DROP, FIRST, Plan};
use crate::pdata::Signal;
use crate::pdata::layout::Level;
use crate::pdata::payload::Payload;
use crate::pdata::view::{ItemRef, Metric, ResourceGroup, ScopeGroup};
use crate::pdata::wire::{RawField, RawFields};

/// Where what a predicate refuses goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest {
    /// Nowhere.
    Dropped,
    /// To the second signal.
    Second,
}

impl Rest {
    fn bucket(self, keep: bool) -> Bucket {
        match (keep, self) {
            (true, _) => FIRST,
            (false, Rest::Second) => FIRST + 1,
            (false, Rest::Dropped) => DROP,
        }
    }
}

/// Something above the items that a predicate can be about, with what is around it.
pub(crate) struct Above<'a, S: Signal> {
    pub(crate) resource_group: ResourceGroup<'a, S>,
    /// Empty where it is about the resource.
    pub(crate) scope_group: ScopeGroup<'a, S>,
    /// Empty where it is not about a metric.
    pub(crate) metric: Metric<'a>,
}

/// Sends the items that the predicate accepts to the first signal, and the rest as told.
pub(crate) fn partition<S: Signal>(
    payload: &Payload,
    rest: Rest,
    mut predicate: impl FnMut(&ItemRef<'_, S>) -> bool,
) -> (Payload, Payload) {
    pair(by_item::<S>(payload, |item| rest.bucket(predicate(item))))
}

/// As [`partition`], by the messages of a level.
pub(crate) fn partition_level<S: Signal>(
    payload: &Payload,
    level: Level,
    rest: Rest,
    mut predicate: impl FnMut(Above<'_, S>) -> bool,
) -> (Payload, Payload) {
    pair(by_level::<S>(payload, level, |above| rest.bucket(predicate(above))))
}

/// Sends the items of each key to a signal of their own.
pub(crate) fn group_by<S: Signal, K: Eq + Hash>(
    payload: &Payload,
    mut key: impl FnMut(&ItemRef<'_, S>) -> K,
) -> Vec<(K, Payload)> {
    let mut keys = Keys::default();
    let outputs = by_item::<S>(payload, |item| keys.bucket(key(item)));
    keys.name(outputs)
}

/// As [`group_by`], by the messages of a level.
pub(crate) fn group_by_level<S: Signal, K: Eq + Hash>(
    payload: &Payload,
    level: Level,
    mut key: impl FnMut(Above<'_, S>) -> K,
) -> Vec<(K, Payload)> {
    let mut keys = Keys::default();
    let outputs = by_level::<S>(payload, level, |above| keys.bucket(key(above)));
    keys.name(outputs)
}

/// The keys seen so far, numbered in the order of their first appearance.
struct Keys<K>(HashMap<K, Bucket>);

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Keys<K> {
    fn bucket(&mut self, key: K) -> Bucket {
        let next = self.0.len() as Bucket;
        *self.0.entry(key).or_insert(next)
    }

    fn name(self, outputs: Outputs) -> Vec<(K, Payload)> {
        let mut keys: Vec<(K, Bucket)> = self.0.into_iter().collect();
        keys.sort_unstable_by_key(|(_, bucket)| *bucket);
        keys.into_iter().map(|(key, _)| key).zip(outputs.into_payloads()).collect()
    }
}

fn pair(outputs: Outputs) -> (Payload, Payload) {
    let mut payloads = outputs.into_payloads();
    (payloads.next().unwrap_or_default(), payloads.next().unwrap_or_default())
}

fn by_item<S: Signal>(payload: &Payload, mut classify: impl FnMut(&ItemRef<'_, S>) -> Bucket) -> Outputs {
    let mut outputs = Outputs::new(1);
    let mut plan = Plan::default();
    for segment in payload.segments() {
        for field in RawFields::new(&segment.bytes) {
            if Level::Request.is_child(field.number) {
                plan.scan_items(&field, &mut classify);
                plan.carry_out(&segment.bytes, &field, &mut outputs);
            } else {
                outputs.share(FIRST, field.start..field.end, 0);
            }
        }
        outputs.finish(segment);
    }
    outputs
}

/// Decides first, and scans only the segments of which not everything goes the same way: the items of the others
/// are counted already.
fn by_level<S: Signal>(
    payload: &Payload,
    level: Level,
    mut classify: impl FnMut(Above<'_, S>) -> Bucket,
) -> Outputs {
    let mut outputs = Outputs::new(1);
    let mut plan = Plan::default();
    let mut decided = Vec::new();
    for segment in payload.segments() {
        decided.clear();
        for field in Level::Request.children(&segment.bytes) {
            decide(level, &field, &mut |above| decided.push(classify(above)));
        }
        if decided.iter().all(|bucket| *bucket == FIRST) {
            outputs.share_all(FIRST, segment);
            continue;
        }
        let mut next = decided.iter().copied();
        let mut next = || next.next().unwrap_or(FIRST);
        for field in RawFields::new(&segment.bytes) {
            let range = field.start..field.end;
            if !Level::Request.is_child(field.number) {
                outputs.share(FIRST, range, 0);
            } else if level == Level::Resource {
                let bucket = next();
                if bucket != DROP {
                    outputs.share(bucket, range, level.count_items(S::KIND, field.value));
                }
            } else {
                plan.scan_level(S::KIND, level, &field, &mut next);
                plan.carry_out(&segment.bytes, &field, &mut outputs);
            }
        }
        outputs.finish(segment);
    }
    outputs
}

/// Asks about every message of a level in a group, in their order.
fn decide<'a, S: Signal>(level: Level, group: &RawField<'a>, ask: &mut impl FnMut(Above<'a, S>)) {
    let resource_group = ResourceGroup::from_bytes(group.value);
    let mut ask = |scope: &'a [u8], metric: &'a [u8]| {
        let (scope_group, metric) = (ScopeGroup::from_bytes(scope), Metric::from_bytes(metric));
        ask(Above { resource_group, scope_group, metric });
    };
    if level == Level::Resource {
        return ask(&[], &[]);
    }
    for scope in Level::Resource.children(group.value) {
        if level == Level::Scope {
            ask(scope.value, &[]);
            continue;
        }
        for metric in Level::Scope.children(scope.value) {
            ask(scope.value, metric.value);
        }
    }
}
