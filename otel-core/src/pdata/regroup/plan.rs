//! What an operation does with one resource group: which runs of its items go where.

use std::ops::Range;

use super::output::Outputs;
use crate::pdata::layout::Level;
use crate::pdata::view::{FromWire, ItemRef, Metric, ResourceGroup, ScopeGroup};
use crate::pdata::wire::{OpenField, RawField, RawFields, put_run};
use crate::pdata::{Signal, SignalKind};

/// Where something goes: the number of an output, or [`DROP`].
pub(super) type Bucket = u32;
/// Nowhere.
pub(super) const DROP: Bucket = Bucket::MAX;
/// Where goes what belongs to no item.
pub(super) const FIRST: Bucket = 0;

const NONE: u32 = u32::MAX;

/// The plan for a group, with its places in the segment. The vectors serve group after group.
#[derive(Debug, Default)]
pub(super) struct Plan {
    containers: Vec<Container>,
    others: Vec<Other>,
    runs: Vec<Run>,
    order: Vec<u32>,
    open: Vec<(u32, OpenField)>,
}

/// A message above the level at which it is decided.
#[derive(Debug)]
struct Container {
    parent: u32,
    number: u32,
    len: usize,
    first_child: usize,
    /// Its fields that are no children: a list through `Plan::others`.
    first_other: u32,
    last_other: u32,
}

#[derive(Debug)]
struct Other {
    range: Range<usize>,
    next: u32,
}

/// Neighbours that go the same way.
#[derive(Debug)]
struct Run {
    container: u32,
    bucket: Bucket,
    range: Range<usize>,
    items: usize,
}

/// A container with where its content starts in the segment.
#[derive(Debug, Clone, Copy)]
struct Place {
    id: u32,
    content: usize,
}

/// The segment itself.
const SEGMENT: Place = Place { id: NONE, content: 0 };

impl Plan {
    /// Plans a resource group item by item.
    pub(super) fn scan_items<'a, S, F>(&mut self, group: &RawField<'a>, classify: &mut F)
    where
        S: Signal,
        F: FnMut(&ItemRef<'a, S>) -> Bucket,
    {
        self.clear();
        let resource_group = ResourceGroup::from_bytes(group.value);
        let resource = (resource_group, resource_group.resource());
        self.walk(Level::Resource, SEGMENT, group, |plan, at, scope_field| {
            let scope_group = ScopeGroup::from_bytes(scope_field.value);
            let scope = (scope_group, scope_group.scope());
            let mut item = |plan: &mut Plan, at: Place, field: &RawField<'a>, metric, data| {
                let item = S::Item::from_wire(field.value, metric, data);
                let bucket = classify(&ItemRef::new(item, scope, resource));
                plan.push_run(at, bucket, field, 1);
            };
            if S::KIND != SignalKind::Metrics {
                plan.walk(Level::Scope, at, &scope_field, |plan, at, field| {
                    item(plan, at, &field, Metric::default(), 0);
                });
                return;
            }
            plan.walk(Level::Scope, at, &scope_field, |plan, at, metric_field| {
                let metric = Metric::from_bytes(metric_field.value);
                plan.walk(Level::Metric, at, &metric_field, |plan, at, data| {
                    plan.walk(Level::Data, at, &data, |plan, at, point| {
                        item(plan, at, &point, metric, data.number);
                    });
                });
            });
        });
    }

    /// Plans a resource group by its scopes, or by its metrics; `next` tells where the next one goes.
    pub(super) fn scan_level(
        &mut self,
        kind: SignalKind,
        leaf: Level,
        group: &RawField<'_>,
        next: &mut impl FnMut() -> Bucket,
    ) {
        self.clear();
        let mut push = |plan: &mut Plan, at: Place, field: &RawField<'_>| {
            plan.push_run(at, next(), field, leaf.count_items(kind, field.value));
        };
        self.walk(Level::Resource, SEGMENT, group, |plan, at, scope| {
            if leaf == Level::Scope {
                push(plan, at, &scope);
            } else {
                plan.walk(Level::Scope, at, &scope, |plan, at, metric| push(plan, at, &metric));
            }
        });
    }

    /// Hands the group on as planned: shared where it stays in one piece, otherwise copied part by part.
    pub(super) fn carry_out(&mut self, segment: &[u8], group: &RawField<'_>, outputs: &mut Outputs) {
        let first = self.runs.first().map_or(FIRST, |run| run.bucket);
        if self.runs.iter().all(|run| run.bucket == first) {
            outputs.share(first, group.start..group.end, self.runs.iter().map(|run| run.items).sum());
            return;
        }
        let mut order = std::mem::take(&mut self.order);
        let runs = &self.runs;
        order.clear();
        order.extend((0..runs.len() as u32).filter(|at| runs[*at as usize].bucket != DROP));
        order.sort_by_key(|at| runs[*at as usize].bucket);
        let mut rest = order.as_slice();
        while let [first, ..] = rest {
            let bucket = self.runs[*first as usize].bucket;
            let same = rest.iter().take_while(|at| self.runs[**at as usize].bucket == bucket).count();
            let (part, others) = rest.split_at(same);
            let items = part.iter().map(|at| self.runs[*at as usize].items).sum();
            outputs.write(bucket, items, |out| self.write(segment, part, out));
            rest = others;
        }
        self.order = order;
    }

    fn clear(&mut self) {
        self.containers.clear();
        self.others.clear();
        self.runs.clear();
    }

    /// Visits the children of a container, and notes its other fields. Where there are no children, the container
    /// itself is something that belongs to no item.
    #[inline(always)]
    fn walk<'a>(
        &mut self,
        level: Level,
        parent: Place,
        container: &RawField<'a>,
        mut child: impl FnMut(&mut Self, Place, RawField<'a>),
    ) {
        let id = self.containers.len() as u32;
        let content = parent.content + container.end - container.value.len();
        let at = Place { id, content };
        self.containers.push(Container {
            parent: parent.id,
            number: container.number,
            len: container.value.len(),
            first_child: usize::MAX,
            first_other: NONE,
            last_other: NONE,
        });
        let mut any = false;
        let mut fields = RawFields::new(container.value);
        while let Some(field) = fields.step() {
            if level.is_child(field.number) {
                if !any {
                    any = true;
                    self.containers[id as usize].first_child = content + field.start;
                }
                child(self, at, field);
            } else {
                self.push_other(at, &field);
            }
        }
        if !any {
            self.push_run(parent, FIRST, container, 0);
        }
    }

    #[inline]
    fn push_run(&mut self, at: Place, bucket: Bucket, field: &RawField<'_>, items: usize) {
        let range = at.content + field.start..at.content + field.end;
        if let Some(last) = self.runs.last_mut()
            && (last.container, last.bucket, last.range.end) == (at.id, bucket, range.start)
        {
            last.range.end = range.end;
            last.items += items;
            return;
        }
        self.runs.push(Run { container: at.id, bucket, range, items });
    }

    fn push_other(&mut self, at: Place, field: &RawField<'_>) {
        let id = self.others.len() as u32;
        let container = &mut self.containers[at.id as usize];
        match self.others.get_mut(container.last_other as usize) {
            Some(last) => last.next = id,
            None => container.first_other = id,
        }
        container.last_other = id;
        let range = at.content + field.start..at.content + field.end;
        self.others.push(Other { range, next: NONE });
    }

    /// Writes the runs of one bucket, with the containers around them.
    fn write(&mut self, segment: &[u8], part: &[u32], out: &mut Vec<u8>) {
        let mut open = std::mem::take(&mut self.open);
        for at in part {
            let run = &self.runs[*at as usize];
            let mut chain = [NONE; 4];
            let mut depth = 0;
            let mut id = run.container;
            while let Some(container) = self.containers.get(id as usize) {
                chain[depth] = id;
                depth += 1;
                id = container.parent;
            }
            let chain = &mut chain[..depth];
            chain.reverse();
            let common = open.iter().zip(&*chain).take_while(|((open, _), id)| open == *id).count();
            while open.len() > common {
                self.close(segment, open.pop(), out);
            }
            for id in &chain[common..] {
                let container = &self.containers[*id as usize];
                open.push((*id, OpenField::open(out, container.number, container.len)));
                self.copy_others(segment, container, |other| other.start < container.first_child, out);
            }
            put_run(out, &segment[run.range.clone()]);
        }
        while !open.is_empty() {
            self.close(segment, open.pop(), out);
        }
        self.open = open;
    }

    fn close(&self, segment: &[u8], open: Option<(u32, OpenField)>, out: &mut Vec<u8>) {
        if let Some((id, field)) = open {
            let container = &self.containers[id as usize];
            self.copy_others(segment, container, |other| other.start >= container.first_child, out);
            field.close(out);
        }
    }

    fn copy_others(
        &self,
        segment: &[u8],
        container: &Container,
        wanted: impl Fn(&Range<usize>) -> bool,
        out: &mut Vec<u8>,
    ) {
        let mut id = container.first_other;
        while let Some(other) = self.others.get(id as usize) {
            if wanted(&other.range) {
                out.extend_from_slice(&segment[other.range.clone()]);
            }
            id = other.next;
        }
    }
}
