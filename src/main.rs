//! The program: everything it does is a command of [`tollgate`].

fn main() {}
