//! A collector binary with a processor of its own, which YAML calls `mask`.

mod mask;

use std::process::ExitCode;

use otel_core::component::BuildInfo;
use otel_core::service::Registry;

fn main() -> ExitCode {
    let mut registry = Registry::new();
    otel_receivers::register(&mut registry);
    otel_exporters::register(&mut registry);
    registry.processor::<mask::MaskConfig>().traces().metrics().logs();
    otel_core::cli::main(&registry, BuildInfo::default())
}
