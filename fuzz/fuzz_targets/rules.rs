//! Feeds bytes to [`comfywright_fuzz::rules`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::rules(bytes));
