//! Whatever is valid can be cut anywhere: no item is lost, doubled or moved, and both parts are valid and know
//! how much they hold. The second byte of an input says where to cut.

use std::num::NonZeroUsize;

use bytes::Bytes;
use otel_core::pdata::view::{Attributes, Item};
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// The target.
pub fn run(data: &[u8]) {
    let Some((kind, rest)) = super::signal(data) else { return };
    let Some((at, request)) = rest.split_first() else { return };
    match kind {
        SignalKind::Traces => check::<Traces>(usize::from(*at), request),
        SignalKind::Metrics => check::<Metrics>(usize::from(*at), request),
        SignalKind::Logs => check::<Logs>(usize::from(*at), request),
        _ => {}
    }
}

fn check<S: Signal>(at: usize, request: &[u8]) {
    let Ok(once) = S::from_bytes(Bytes::copy_from_slice(request)) else { return };
    let mut signal = once.clone();
    signal.merge(once);

    let (first, second) = signal.clone().split_items(at);
    assert_eq!(first.items(), at.min(signal.items()));
    same_items(&signal, &[first, second]);

    let (first, second) = signal.clone().split_bytes(at);
    assert!(first.encoded_len() <= at || first.items() <= 1);
    assert_eq!(first.is_empty(), signal.is_empty());
    same_items(&signal, &[first, second]);

    if let Some(max) = NonZeroUsize::new(at) {
        let parts: Vec<S> = signal.clone().chunks(max).collect();
        assert!(parts.iter().rev().skip(1).all(|part| part.items() == at));
        same_items(&signal, &parts);
    }

    let mut number = 0;
    let (even, odd) = signal.clone().partition(|_| {
        number += 1;
        number % 2 == 0
    });
    assert_eq!((even.items(), odd.items()), (signal.items() / 2, signal.items().div_ceil(2)));
    valid(&even);
    valid(&odd);
}

/// The parts hold the items of the whole, in their order.
fn same_items<S: Signal>(whole: &S, parts: &[S]) {
    parts.iter().for_each(valid);
    let mut items = parts.iter().flat_map(S::iter);
    for expected in whole.iter() {
        let at = items.next().expect("no item is lost");
        same(at.item().attributes(), expected.item().attributes());
        same(at.scope().attributes(), expected.scope().attributes());
        same(at.resource().attributes(), expected.resource().attributes());
    }
    assert!(items.next().is_none(), "no item is doubled");
}

/// Compares what is printed, for which one NaN is like the other.
fn same(left: Attributes<'_>, right: Attributes<'_>) {
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
}

fn valid<S: Signal>(part: &S) {
    let again = S::from_bytes(part.to_bytes()).expect("a part of what is valid is valid");
    assert_eq!(again.items(), part.items());
}
