//! The merchants' JSON API: one file per resource, one function per route.

pub mod fields;
pub mod keys;
pub mod merchant;
pub mod sellers;
