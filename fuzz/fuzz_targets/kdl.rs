//! Feeds bytes to [`comfywright_fuzz::kdl`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::kdl(bytes));
