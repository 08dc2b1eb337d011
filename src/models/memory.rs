//! The memory of inferences. Knows the allocator alone.

use std::{
    ffi::{c_int, c_long},
    sync::Once,
};

/// `mi_option_purge_delay` of mimalloc: milliseconds until memory that was freed goes back to the system.
const PURGE_DELAY: c_int = 15;
/// More than an inference takes. mimalloc's own second is less than some, and then each of them waits for the system to take
/// and clear the same hundreds of megabytes.
const KEPT_FOR: c_long = 10_000;

/// Lets this process keep what an inference freed for the next one.
pub(super) fn keep_between_inferences() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Sixteen pictures through ViT-B/16 take 18 to 27 % less time (`benches/models.py`); the option has no safe interface.
        #[expect(unsafe_code, reason = "measured; see above")]
        // SAFETY: sets a number in a table of mimalloc, which it checks for bounds. Other threads may read it meanwhile, and
        // mimalloc writes it without a lock itself, where it is first read: an aligned word, of which both values are valid.
        unsafe {
            libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT_FOR);
        }
    });
}

/// Gives what was freed back to the system: for when no inference follows.
pub(super) fn give_back() {
    // A process that masks 24 megapixels has a peak of 1.1 to 1.3 GiB without; the allocator has no safe interface for it.
    #[expect(unsafe_code, reason = "measured; see above")]
    // SAFETY: may be called from any thread at any time; memory that is in use is not touched.
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_option_that_is_meant() {
        #[expect(unsafe_code, reason = "it has no safe interface")]
        // SAFETY: reads a number of a table, which is checked for bounds.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
            assert_eq!(delay(), 1000, "the default of mimalloc 3");
        }
        keep_between_inferences();
        assert_eq!(delay(), KEPT_FOR);
    }
}
