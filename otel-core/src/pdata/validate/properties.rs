//! Generated requests, whole and broken, against prost.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use super::walk::{Walk, Walked};
use super::{InvalidData, repair};
use crate::pdata::schema::{Message, NESTING};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use crate::testing::generate::{self, Generate};
use crate::testing::raw;

fn walked<const QUICK: bool>(schema: &'static Message, bytes: &[u8]) -> Walked<super::walk::Findings> {
    let mut walk = Walk::<QUICK>::new(bytes);
    walk.message(schema, 0, bytes.len(), NESTING).map(|()| walk.findings)
}

fn pad(request: &mut Vec<u8>) {
    crate::pdata::wire::put_len_field(request, 15, &[0; 200]);
}

/// Whether a refusal is one that prost does not make.
fn is_ours_alone(error: &InvalidData) -> bool {
    error.reason().starts_with("the id has")
        || error.path().contains("instrumentation_library")
        // At the last level prost still takes a reference into a string table, which is unknown here.
        || error.reason().starts_with("messages are nested")
}

/// The verdict has to be prost's, the same with and without the quick half, and what is accepted has to mean
/// what it meant.
fn check<S: Generate>(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let quick = walked::<true>(S::SCHEMA, &bytes);
    prop_assert_eq!(&quick, &walked::<false>(S::SCHEMA, &bytes));
    // The quick half stays away from the end of a request, so it gets more of this one with an unknown field there.
    let mut longer = bytes.clone();
    pad(&mut longer);
    prop_assert_eq!(walked::<true>(S::SCHEMA, &longer), walked::<false>(S::SCHEMA, &longer));

    let oracle = S::Request::decode(bytes.as_slice());
    match S::from_bytes(Bytes::from(bytes.clone())) {
        Ok(signal) => {
            // References into a string table are unknown fields here, so their wire type is free.
            let tree = raw::Tree::parse(S::KIND, &bytes).expect("what is valid can be taken apart");
            let free = tree.refers_to_a_string_table();
            prop_assert!(oracle.is_ok() || free, "prost refuses: {:?}", oracle);
            prop_assert!(signal.segments().all(|segment| !segment.is_empty()));
        }
        Err(error) => {
            prop_assert!(oracle.is_err() || is_ours_alone(&error), "only we refuse: {}", error);
            prop_assert!(error.offset() <= bytes.len());
            let repaired = S::from_bytes_repairing(Bytes::from(bytes));
            prop_assert_eq!(error.is_invalid_utf8(), repaired.is_ok());
            if let Ok((signal, repaired)) = repaired {
                prop_assert!(repaired.strings > 0);
                prop_assert!(S::from_bytes(signal.to_bytes()).is_ok());
            }
        }
    }
    Ok(())
}

/// A place in the request, and what happens there.
#[derive(Debug, Clone)]
enum Damage {
    Flip { at: prop::sample::Index, bit: u8 },
    Set { at: prop::sample::Index, byte: u8 },
    Cut { at: prop::sample::Index },
    Insert { at: prop::sample::Index, bytes: Vec<u8> },
    Remove { at: prop::sample::Index, len: usize },
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Flip { at, bit } => *at.get_mut(bytes) ^= 1 << bit,
            Self::Set { at, byte } => *at.get_mut(bytes) = *byte,
            Self::Cut { at } => bytes.truncate(at.index(bytes.len())),
            Self::Insert { at, bytes: more } => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove { at, len } => {
                let at = at.index(bytes.len());
                let end = bytes.len().min(at + len);
                bytes.drain(at..end);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set { at, byte }),
        1 => at().prop_map(|at| Damage::Cut { at }),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        1 => (at(), 1..4usize).prop_map(|(at, len)| Damage::Remove { at, len }),
    ]
}

/// Damages one request in many ways, one at a time and all together.
fn damaged<S: Generate>(bytes: &[u8], damages: &[Damage]) -> Result<(), TestCaseError> {
    let mut all = bytes.to_vec();
    for damage in damages {
        let mut one = bytes.to_vec();
        damage.apply(&mut one);
        check::<S>(one)?;
        damage.apply(&mut all);
    }
    check::<S>(all)
}

/// Flips every bit of a plain request.
fn flipped<S: Generate>(request: &S::Request) -> Result<(), TestCaseError> {
    let bytes = request.encode_to_vec();
    prop_assume!(bytes.len() < 600);
    for at in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        check::<S>(bytes)?;
    }
    Ok(())
}

/// Normalised bytes mean the same, unknown fields included, and are left alone the next time.
fn normalised<S: Generate>(odd: generate::Odd<S>) -> Result<(), TestCaseError> {
    let signal = S::from_bytes(odd.bytes.clone()).expect("odd is valid");
    let bytes = signal.to_bytes();
    prop_assert_eq!(S::Request::decode(bytes.clone()).expect("prost reads it too"), odd.request);
    raw::assert_same_meaning(S::KIND, &bytes, &odd.bytes);
    let findings = walked::<false>(S::SCHEMA, &bytes).expect("what was normalised is valid");
    prop_assert!(!findings.repeats && !findings.untidy);
    prop_assert_eq!(findings.items, signal.items());
    Ok(())
}

/// The tree with the strings that `repair` concerns repaired one by one.
fn lossy(schema: &'static Message, fields: &mut [raw::Field], strings: &mut usize) {
    use crate::pdata::schema::Kind;
    for field in fields {
        match (schema.field(field.number).map(|known| known.kind), &mut field.value) {
            (Some(Kind::Message(of)), raw::Value::Message(fields)) => lossy(of, fields, strings),
            (Some(Kind::Str), raw::Value::Bytes(bytes)) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                *strings += usize::from(text.as_bytes() != bytes.as_slice());
                *bytes = text.into_bytes();
            }
            _ => {}
        }
    }
}

/// Puts bytes that are not UTF-8 into some strings.
fn spoil(schema: &'static Message, fields: &mut [raw::Field], rng: &mut proptest::test_runner::TestRng) {
    use crate::pdata::schema::Kind;
    for field in fields {
        match (schema.field(field.number).map(|known| known.kind), &mut field.value) {
            (Some(Kind::Message(of)), raw::Value::Message(fields)) => spoil(of, fields, rng),
            (Some(Kind::Str), raw::Value::Bytes(bytes)) if rng.random_range(0..8) == 0 => {
                let at = rng.random_range(0..=bytes.len());
                let len = rng.random_range(1..4);
                bytes.splice(at..at, (0..len).map(|_| rng.random_range(0x80..=0xffu8)));
            }
            _ => {}
        }
    }
}

fn repaired<S: Generate>(
    kind: SignalKind,
    odd: &[u8],
    mut rng: proptest::test_runner::TestRng,
) -> Result<(), TestCaseError> {
    let mut tree = raw::Tree::parse(kind, odd).expect("odd is valid");
    spoil(S::SCHEMA, &mut tree.fields, &mut rng);
    let spoilt = Bytes::from(tree.encode());
    let mut strings = 0;
    lossy(S::SCHEMA, &mut tree.fields, &mut strings);

    prop_assert_eq!(repair::repair(S::SCHEMA, &spoilt), (tree.encode(), strings), "only strings change");
    let (signal, repaired) = S::from_bytes_repairing(spoilt.clone()).expect("the structure is valid");
    prop_assert_eq!(repaired.strings, strings);
    raw::assert_same_meaning(kind, &signal.to_bytes(), &tree.encode());
    if strings > 0 {
        let error = S::from_bytes(spoilt.clone()).expect_err("a string is broken");
        prop_assert!(error.is_invalid_utf8());
        prop_assert!(spoilt[error.offset()] >= 0x80);
    }
    Ok(())
}

macro_rules! properties {
    ($($module:ident: $signal:ty),*) => {$(
        mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]

                #[test]
                fn the_verdict_on_damaged_requests_is_that_of_prost(
                    odd in generate::odd::<$signal>(),
                    damages in prop::collection::vec(damage(), 1..40),
                ) {
                    damaged::<$signal>(&odd.bytes, &damages)?;
                }

                #[test]
                fn what_is_normalised_means_the_same(odd in generate::odd::<$signal>()) {
                    normalised(odd)?;
                }

                #[test]
                fn repair_changes_broken_strings_as_from_utf8_lossy_and_nothing_else(
                    (odd, rng) in generate::odd::<$signal>().prop_perturb(|odd, rng| (odd, rng)),
                ) {
                    repaired::<$signal>(<$signal>::KIND, &odd.bytes, rng)?;
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(8))]

                #[test]
                fn the_verdict_on_every_flipped_bit_is_that_of_prost(request in generate::requests::<$signal>()) {
                    flipped::<$signal>(&request)?;
                }
            }
        }
    )*};
}

properties!(traces: Traces, metrics: Metrics, logs: Logs);
