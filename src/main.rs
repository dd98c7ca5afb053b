//! The command `backtrail`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    backtrail::cli::main()
}
