//! `ichor`, the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ichor::main(std::env::args_os())
}
