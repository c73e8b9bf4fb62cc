#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hybrid_core::testing::fuzz_call(bytes));
