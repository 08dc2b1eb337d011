//! Pages and drawings: of a plan before it runs, of a run when it has run, and of what an A/B test came to.
//!
//! Pure: data in, text out; the same data always gives the same text. A page is one file that asks
//! for nothing else, reads from a disk as from a server, and works in light and dark, with the
//! keyboard, and on narrow screens.

pub mod ab;
pub mod dag;
pub mod run;
mod shell;
