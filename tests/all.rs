//! The tests of the whole program, in one binary: every further one would link polars again.

#[path = "all"]
mod all {
    mod bad_input;
    mod cli;
    mod edge_cases;
    mod invariants;
    mod pools;
    mod proof;
    mod readme;
    mod sim;
    mod stories;
    mod tidy;
    mod tools;
}
