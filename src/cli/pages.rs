//! The size of the pages of memory that this process gets.

/// Lets this process have small pages from now on, or huge ones where the system has them. Huge ones make a short command
/// faster; a run of 100,000 items takes three times the memory with them, and no less time (`benches/peers`).
pub(super) fn small_pages(small: bool) {
    #[cfg(target_os = "linux")]
    // Where the kernel refuses, more memory is in use, and nothing else is wrong.
    let _ = rustix::thread::disable_transparent_huge_pages(small);
    #[cfg(not(target_os = "linux"))]
    let _ = small;
}
