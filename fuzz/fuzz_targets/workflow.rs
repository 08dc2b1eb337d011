//! Feeds bytes to [`comfywright_fuzz::workflow`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::workflow(bytes));
