//! The tests of the whole program, in one binary: every further one would link polars again.

#[path = "all"]
mod all {
    mod bad_input;
    mod cli;
    mod clocks;
    mod curves;
    mod edge_cases;
    mod exporters;
    mod exports;
    mod gates;
    mod holders;
    mod incident;
    mod invariants;
    mod joins;
    mod pools;
    mod postmortems;
    mod proof;
    mod readme;
    mod rules;
    mod schemas;
    mod score;
    mod sim;
    mod statistics;
    mod stories;
    mod terminal;
    mod tidy;
    mod tools;
    mod tui;
    mod turns;
}
