//! Tells cargo to build again when a migration, which is embedded into the program, is added or changed.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
