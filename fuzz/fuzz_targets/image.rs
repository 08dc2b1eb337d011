//! Feeds bytes to [`comfywright_fuzz::image`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comfywright_fuzz::image(bytes));
