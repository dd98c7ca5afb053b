//! Everything that can happen, and everything that can be asked for.

use super::clock::Zone;
use super::data::Data;
use super::filter::Filter;
use super::jobs::{Change, Target};
use super::notes::Note;
use crate::table::RowId;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use std::sync::Arc;

/// Something happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// So much has been read of so much, and what is being done.
    Progress(Progress),
    /// A reading is there.
    Loaded(Arc<Data>),
    /// Nothing could be read.
    Failed(String),
    /// Records, read again; `None` where that failed, with the reason as text.
    Raw(Vec<(RowId, String)>),
    /// Positions in the order of time that pass the filters of this generation.
    Filtered(u64, Vec<u32>),
    /// Positions that hold what was searched for, all that are known, sorted; true at the end.
    Found(u64, Vec<u32>, bool),
    /// What was jumped to, and the position found, if there is one.
    Jumped(u64, (Target, bool), Option<u32>),
    /// What changed in the brush.
    Compared(u64, Vec<Change>),
    /// Notes were read from the state of an earlier session.
    Restored(String),
    /// Something to tell the reader.
    Say(String),
    /// The program goes on after it was stopped.
    Continued,
    /// A moment passed.
    Tick,
}

/// How far reading is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is being done.
    pub stage: &'static str,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Bytes on disk of all files.
    pub total: u64,
    /// Files.
    pub files: usize,
}

/// Something to be done outside the model.
#[derive(Debug, Clone)]
pub enum Cmd {
    /// End with this exit code, or the reading's own.
    Quit(Option<u8>),
    /// Stop for the shell (Ctrl-Z).
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Ring the bell.
    Bell,
    /// Save what is shown as a picture.
    Picture,
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    /// Open a file at a line in the editor.
    Edit {
        /// The file.
        path: String,
        /// One-based line.
        line: u32,
    },
    /// Read these records again.
    Raw(Arc<Data>, Vec<RowId>),
    /// Find the positions that pass.
    Filter(Arc<Data>, u64, Vec<Filter>),
    /// Find the positions, among these or all, whose record holds this text.
    Search(Arc<Data>, u64, Option<Arc<Vec<u32>>>, String),
    /// Find the next position of a kind from this one on (true) or before it, among these or all.
    Jump(Arc<Data>, u64, Option<Arc<Vec<u32>>>, u32, (Target, bool)),
    /// Compare a stretch of time with the rest.
    Compare(Arc<Data>, u64, (i64, i64)),
    /// Read the notes of this case, if there are any.
    Restore(String),
    /// Save the notes of this case.
    Save {
        /// Name of the case.
        key: String,
        /// The notes.
        text: String,
    },
    /// Write report, timeline and postmortem with these notes, in this zone; no file is overwritten.
    Export(Arc<Data>, Vec<Note>, Zone),
}
