//! Feeds bytes to [`comfywright_fuzz::import`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::import(bytes));
