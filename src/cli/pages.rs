//! How large the pages of this process's memory are.

/// Lets this process have small pages from now on. Huge ones make a short command faster; a run of 100,000 items takes
/// three times the memory with them, and no less time (`benches/peers`).
pub(super) fn small_pages() {
    #[cfg(target_os = "linux")]
    // Where the kernel refuses, more memory is in use, and nothing else is wrong.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
