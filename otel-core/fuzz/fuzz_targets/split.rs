#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| otel_core_fuzz::split::run(data));
