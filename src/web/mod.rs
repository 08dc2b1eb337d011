//! Pages that answer: a server on the loopback interface, for the browser of the person who started it.
//!
//! Whoever does not know the token in the address gets nothing, and neither does a page of another site that has a name
//! lead here. One file for each page; decides nothing about tests.

mod gate;
mod rating;
mod rating_page;

pub use rating::{RatingOptions, serve_rating};
