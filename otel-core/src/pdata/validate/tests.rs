use super::walk::{NESTING, Walk};
use crate::pdata::schema;

#[test]
fn an_empty_request_has_no_items() {
    let mut walk = Walk::<true>::new(&[]);
    walk.message(&schema::TRACES, 0, 0, NESTING).expect("nothing is wrong with nothing");
    assert_eq!(walk.findings.items, 0);
}
