//! F6: the only floor that knows flags, the environment and the terminal. Turns what a user typed into a checked plan,
//! runs it, and turns the outcome into an exit code.

mod args;
mod check;
mod detect;
mod formats;
mod found;
mod moment;
mod output;
mod plan;
mod progress;
mod run;
mod story;
mod tables;
mod tui;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    match run::run(args) {
        Ok(code) => code,
        Err(problem) if is_broken_pipe(&problem) => ExitCode::SUCCESS,
        Err(problem) => {
            progress::complain(&format!("{problem:#}"));
            ExitCode::from(2)
        }
    }
}

/// The reader of our output went away (`| head`): that is its right.
fn is_broken_pipe(problem: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        let inner = match cause.downcast_ref::<crate::error::Error>() {
            Some(crate::error::Error::Io { source, .. }) => Some(source),
            _ => cause.downcast_ref::<std::io::Error>(),
        };
        inner.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    problem.chain().any(io)
}
