//! What is sent together.

use std::collections::VecDeque;
use std::sync::Arc;

use otel_core::component::{Context, Metadata, TraceContext};
use otel_core::pdata::Signal;

use super::queue::Request;
use super::sender::Sent;
use super::ticket::Ticket;

/// What is sent together: one request as it came, or what was made of several.
#[derive(Debug)]
pub(super) struct Batch<S> {
    pub(super) data: S,
    pub(super) context: Context,
    pub(super) shares: Shares,
}

/// Whose items are in a batch, in their order.
#[derive(Debug, Default)]
pub(super) struct Shares(VecDeque<Share>);

#[derive(Debug, Clone)]
struct Share {
    ticket: Arc<Ticket>,
    items: usize,
    context: Context,
}

impl<S: Signal> Batch<S> {
    /// A request as it came.
    pub(super) fn of_one(request: Request<S>) -> Self {
        let Request { data, context, ticket } = request;
        let mut shares = Shares::default();
        shares.add(ticket, data.items(), Context::new());
        Self { data, context, shares }
    }

    /// What was made of several, of which only the metadata goes on that they have in common.
    pub(super) fn of_shares(data: S, metadata: &Metadata, shares: Shares) -> Self {
        let mut context = Context::new();
        if !metadata.is_empty() {
            context = context.with_metadata(metadata.clone());
        }
        if let [one] = shares.0.as_slices().0 {
            context = match one.context.trace() {
                Some(trace) => context.with_trace(*trace).with_span(one.context.span()),
                None => context,
            };
        }
        Self { data, context, shares }
    }
}

impl Shares {
    pub(super) fn add(&mut self, ticket: Ticket, items: usize, context: Context) {
        self.0.push_back(Share { ticket: Arc::new(ticket), items, context });
    }

    /// Whose the first items are.
    pub(super) fn split_off_first(&mut self, items: usize) -> Self {
        let mut first = VecDeque::new();
        let mut left = items;
        while left > 0 {
            let Some(mut share) = self.0.pop_front() else { break };
            if share.items > left {
                self.0.push_front(Share { items: share.items - left, ..share.clone() });
                share.items = left;
            }
            left -= share.items;
            first.push_back(share);
        }
        Self(first)
    }

    pub(super) fn items(&self) -> usize {
        self.0.iter().map(|share| share.items).sum()
    }

    /// The traces of the requests, where they are several.
    pub(super) fn links(&self) -> impl Iterator<Item = &TraceContext> {
        let several = self.0.len() > 1;
        self.0.iter().filter(move |_| several).filter_map(|share| share.context.trace())
    }

    /// Tells the requests what became of their items.
    pub(super) fn done(self, sent: &Sent) {
        let mut lost = sent.lost;
        for share in self.0 {
            let of_share = lost.min(share.items);
            lost -= of_share;
            share.ticket.settle(share.items, of_share, sent);
        }
    }
}
