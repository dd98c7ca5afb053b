//! The timeline without a terminal, by subject.

mod axis;
mod events;
mod frames;
mod live;
mod notes;
mod pictures;
mod play;
mod random;
mod sites;
mod stories;
mod views;
