//! Feeds bytes to [`comfywright_fuzz::toml`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::toml(bytes));
