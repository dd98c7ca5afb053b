//! F6: the interactive timeline. Elm's shape: [`update::update`] turns a model and a message into a model and commands,
//! [`view::view`] draws a model; both are pure, so that all of it is tested without a terminal. [`work`] carries commands
//! out, [`run`] alone owns a terminal, and what lies outside (settings, state, editor) is asked for through [`host::Host`].

pub mod clock;
pub mod data;
pub mod filter;
pub mod host;
pub mod jobs;
pub mod keymap;
pub mod layout;
pub mod model;
pub mod msg;
pub mod notes;
pub mod num;
pub mod run;
pub mod settings;
pub mod signals;
pub mod svg;
pub mod theme;
pub mod tracks;
pub mod update;
pub mod view;
pub mod work;
