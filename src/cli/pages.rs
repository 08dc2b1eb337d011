//! The size of the pages of memory that this process gets.
//!
//! Huge ones make a short command faster; a run of 100,000 items takes three times the memory with them, and no less time
//! (`benches/peers`). Where the kernel refuses, more memory is in use, and nothing else is wrong.

/// Lets this process have small pages from now on. Whether that is new.
pub(super) fn small_pages() -> bool {
    #[cfg(target_os = "linux")]
    {
        let were_small = rustix::thread::transparent_huge_pages_are_disabled().unwrap_or(true);
        !were_small && rustix::thread::disable_transparent_huge_pages(true).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Lets this process have huge pages again.
pub(super) fn huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(false);
}
