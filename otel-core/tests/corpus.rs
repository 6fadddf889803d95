//! The fuzz targets on the stable compiler: each runs over its committed inputs, and over every input cut short
//! and with every byte changed, which is a poor man's fuzzing.

#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

/// Runs a target over its corpus.
fn run(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&corpus).expect("the target has a corpus") {
        let input =
            std::fs::read(entry.expect("the corpus can be listed").path()).expect("an input can be read");
        body(&input);
        for at in 0..input.len() {
            body(&input[..at]);
            let mut changed = input.clone();
            changed[at] = changed[at].wrapping_mul(167).wrapping_add(at as u8 | 1);
            body(&changed);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", corpus.display());
}

#[test]
fn validate() {
    run("validate", fuzz::validate::run);
}

#[test]
fn edit() {
    run("edit", fuzz::edit::run);
}

#[test]
fn json() {
    run("json", fuzz::json::run);
}

#[test]
fn split() {
    run("split", fuzz::split::run);
}
