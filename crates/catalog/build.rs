//! Builds the crate again when a model file comes, goes or changes.

fn main() {
    println!("cargo::rerun-if-changed=models");
}
