//! The commands of the program, one file each.
//!
//! Promises that a command ends with a sentence that says what to do when it cannot go on. Refuses to know rules of its
//! own: a command reads its arguments and calls the verbs that the API calls.

pub mod demo;
