//! The whole way from objects to tables, on a node without a kernel: scenarios from files, random edits and endless
//! change.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails by panicking")]

mod churn;
mod machine;
mod objects;
mod print;
mod random;
mod scenario;
