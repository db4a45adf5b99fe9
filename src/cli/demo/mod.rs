//! `tollgate demo`: the whole product on one machine, to click through.

pub mod certificates;
pub mod private_files;
pub mod shop;
