//! Edits against the same changes made with prost, and against a plain tree of fields.

#[path = "../../fuzz/src/lib.rs"]
#[expect(dead_code, unreachable_pub, reason = "a library elsewhere, of which this test runs one target")]
mod fuzz;

mod add;
mod deep;
mod fields;
mod shared;

use fuzz::edit::{Change, Target, change, check};
use otel_core::pdata::{Logs, Metrics, Traces};
use otel_core::testing::generate;
use proptest::collection::vec;
use proptest::prelude::*;

fn plan() -> impl Strategy<Value = Vec<(Target, Change)>> {
    vec(any::<[u8; 3]>().prop_map(change), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 20_000 }))]

    #[test]
    fn edits_of_attributes_equal_those_of_a_tree_for_traces(odd in generate::odd::<Traces>(), plan in plan()) {
        check::<Traces>(&plan, &odd.bytes);
    }

    #[test]
    fn edits_of_attributes_equal_those_of_a_tree_for_metrics(odd in generate::odd::<Metrics>(), plan in plan()) {
        check::<Metrics>(&plan, &odd.bytes);
    }

    #[test]
    fn edits_of_attributes_equal_those_of_a_tree_for_logs(odd in generate::odd::<Logs>(), plan in plan()) {
        check::<Logs>(&plan, &odd.bytes);
    }
}
