//! The state of the timeline: plain data, changed by [`super::update`] only and drawn by [`super::view`].

use super::clock::{Clock, Zone};
use super::data::Data;
use super::filter::Filter;
use super::jobs::Change;
use super::keymap::{Action, Scope};
use super::layout::{Areas, areas};
use super::msg::Progress;
use super::notes::Note;
use super::num;
use super::settings::Settings;
use crate::report::Ref;
use crate::table::RowId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The panes, in the order of their tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// All lanes on one axis.
    Timeline,
    /// Leaking call sites.
    Sites,
    /// Sessions as bars.
    Sessions,
    /// The merged log.
    Events,
    /// Causes weighed.
    Diagnosis,
    /// The reader's notes.
    Notes,
}

impl Pane {
    /// Every pane.
    pub const ALL: [Pane; 6] = [Pane::Timeline, Pane::Sites, Pane::Sessions, Pane::Events, Pane::Diagnosis, Pane::Notes];

    /// Its tab.
    pub const fn title(self) -> &'static str {
        match self {
            Pane::Timeline => "Timeline",
            Pane::Sites => "Call sites",
            Pane::Sessions => "Sessions",
            Pane::Events => "Events",
            Pane::Diagnosis => "Diagnosis",
            Pane::Notes => "Notes",
        }
    }

    /// The scopes whose keys work in it, the narrowest first.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Pane::Timeline => &[Scope::Timeline, Scope::Axis, Scope::Everywhere],
            Pane::Sites => &[Scope::Sites, Scope::List, Scope::Everywhere],
            Pane::Sessions => &[Scope::Sessions, Scope::List, Scope::Axis, Scope::Everywhere],
            Pane::Events => &[Scope::Events, Scope::List, Scope::Everywhere],
            Pane::Diagnosis => &[Scope::Diagnosis, Scope::List, Scope::Everywhere],
            Pane::Notes => &[Scope::Notes, Scope::List, Scope::Everywhere],
        }
    }
}

/// How far everything is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Being read.
    Loading(Progress),
    /// There.
    Ready(Arc<Data>),
    /// Nothing could be read.
    Failed(String),
}

/// A selection in a list and the first line shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct List {
    /// Selected.
    pub at: usize,
    /// First shown.
    pub top: usize,
}

impl List {
    /// Keeps the selection inside and in sight.
    pub fn settle(&mut self, count: usize, height: u16) {
        let height = usize::from(height.max(1));
        self.at = self.at.min(count.saturating_sub(1));
        self.top = self.top.min(self.at).min(count.saturating_sub(height)).max((self.at + 1).saturating_sub(height));
    }
}

/// What is shown of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Axis {
    /// First moment shown, ns UTC.
    pub from: i64,
    /// Last moment shown.
    pub to: i64,
    /// The cursor.
    pub cursor: i64,
    /// The brushed range.
    pub brush: Option<(i64, i64)>,
    /// Where a brush began that has not ended.
    pub brushing: Option<i64>,
}

impl Axis {
    /// The moment at the left edge of a column.
    pub fn time(&self, column: u16, columns: u16) -> i64 {
        self.from + num::share(self.to - self.from, i64::from(column), i64::from(columns.max(1)))
    }

    /// The column of a moment; `None` outside.
    pub fn column(&self, time: i64, columns: u16) -> Option<u16> {
        if time < self.from || time > self.to || columns == 0 {
            return None;
        }
        let column = num::share(time - self.from, i64::from(columns), (self.to - self.from).max(1));
        u16::try_from(column).ok().map(|c| c.min(columns - 1))
    }

    /// The brush, or what is being brushed.
    pub fn marked(&self) -> Option<(i64, i64)> {
        let growing = self.brushing.map(|from| (from.min(self.cursor), from.max(self.cursor)));
        growing.or(self.brush)
    }
}

/// A search.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What for.
    pub text: String,
    /// Positions in the order of time, sorted.
    pub hits: Vec<u32>,
    /// Whether all records were looked at.
    pub done: bool,
    /// Where the reader stood: the first hit after it is jumped to.
    pub from: Option<u32>,
}

/// The events.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// Selection.
    pub list: List,
    /// Positions that pass the filters; `None` for all.
    pub shown: Option<Arc<Vec<u32>>>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// Filters are switched off.
    pub off: bool,
    /// Filtering is under way.
    pub busy: bool,
    /// The search.
    pub search: Option<Search>,
    /// The record is shown whole.
    pub record: bool,
    /// Lines of the record scrolled past, and of which record.
    pub scrolled: Option<(RowId, usize)>,
    /// Long records are wrapped in the list.
    pub wrap: bool,
    /// Records that were read again.
    pub raw: BTreeMap<RowId, String>,
    /// Records that were asked for.
    pub asked: BTreeSet<RowId>,
}

/// How sessions are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Group {
    /// By the line of code, or the endpoint.
    #[default]
    Site,
    /// By pool.
    Pool,
    /// By the source's host or file.
    Host,
    /// By endpoint.
    Endpoint,
    /// Not at all.
    None,
}

impl Group {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Site => "call site",
            Group::Pool => "pool",
            Group::Host => "host",
            Group::Endpoint => "endpoint",
            Group::None => "nothing",
        }
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Group {
        match self {
            Group::Site => Group::Pool,
            Group::Pool => Group::Host,
            Group::Host => Group::Endpoint,
            Group::Endpoint => Group::None,
            Group::None => Group::Site,
        }
    }
}

/// A line among the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionLine {
    /// A group and how many it has.
    Head(String, usize),
    /// A session's index.
    Session(u32),
}

/// Somebody who holds a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The session's index.
    pub session: u32,
    /// How long, ns.
    pub age: i64,
    /// Thread, or process.
    pub who: String,
    /// Line of code or endpoint.
    pub site: String,
    /// Last statement seen before, empty where none is logged.
    pub statement: String,
}

/// The leaking call sites.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    /// Selection.
    pub list: List,
    /// Indexes of the leaks shown, with the sessions of each that opened in the brush, or of all.
    pub shown: Vec<(usize, u64)>,
    /// Lines of the detail scrolled past, and of which leak.
    pub scrolled: (usize, usize),
}

/// The sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    /// Selection.
    pub list: List,
    /// Lines.
    pub lines: Vec<SessionLine>,
    /// Grouping.
    pub group: Group,
    /// All sessions, not only those that did not end well.
    pub all: bool,
    /// Only those of this leak.
    pub site: Option<usize>,
    /// Who holds a connection at the cursor is shown.
    pub holding: bool,
    /// Who does.
    pub holders: Vec<Holder>,
}

/// A line of the diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The words.
    pub text: String,
    /// How it is shown.
    pub role: super::theme::Role,
    /// How far it is set in.
    pub indent: u16,
    /// What proves it.
    pub refs: Vec<Ref>,
}

/// What a line of text is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A search.
    Search,
    /// A filter.
    FilterIn,
    /// A filter that hides.
    FilterOut,
    /// A time.
    GoTo,
    /// A comment on a record.
    Comment(RowId),
}

/// A line of text being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub ask: Ask,
    /// What was typed.
    pub text: String,
}

/// What lies over the pane.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Keys, from this line on.
    Help(usize),
    /// Commands that match what was typed, and the selection.
    Palette {
        /// Typed.
        text: String,
        /// Commands, the best match first.
        found: Vec<Action>,
        /// Selection.
        list: List,
    },
    /// Values of a record to follow.
    Pivot {
        /// What can be followed.
        filters: Vec<Filter>,
        /// Selection.
        list: List,
    },
    /// What changed in the brush; `None` while it is being computed.
    Compare {
        /// Ranked.
        changes: Option<Vec<Change>>,
        /// Selection.
        list: List,
    },
}

/// Where the reader was.
#[derive(Debug, Clone)]
pub struct Place {
    /// The pane.
    pub pane: Pane,
    /// What was shown of the time.
    pub axis: Axis,
    /// Selection among the events.
    pub events: List,
    /// Filters then.
    pub filters: Vec<Filter>,
    /// Selection among the sessions.
    pub sessions: List,
    /// The leak whose sessions were shown.
    pub site: Option<usize>,
}

/// Which zone times are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZoneView {
    /// UTC.
    #[default]
    Utc,
    /// The reader's.
    Local,
    /// The source's.
    Source,
}

/// The newest background work of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Generation {
    /// Filtering.
    pub filter: u64,
    /// Searching.
    pub search: u64,
    /// Jumping.
    pub jump: u64,
    /// Comparing.
    pub compare: u64,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How far reading is.
    pub stage: Stage,
    /// The settings.
    pub settings: Settings,
    /// The reader's zone.
    pub local: Zone,
    /// Which zone is shown.
    pub zone: ZoneView,
    /// Times from the onset.
    pub relative: bool,
    /// The pane shown.
    pub pane: Pane,
    /// Where the reader came from.
    pub history: Vec<Place>,
    /// Time.
    pub axis: Axis,
    /// Call sites.
    pub sites: Sites,
    /// Sessions.
    pub sessions: Sessions,
    /// Events.
    pub events: Events,
    /// Diagnosis.
    pub diagnosis: List,
    /// Its lines.
    pub statements: Vec<Statement>,
    /// Notes, in the order of time.
    pub notes: Vec<Note>,
    /// Selection among them.
    pub note: List,
    /// A line being typed.
    pub prompt: Option<Prompt>,
    /// What lies on top.
    pub overlay: Option<Overlay>,
    /// Something to tell, until the next key.
    pub message: Option<String>,
    /// Counts background work, so that what is no longer wanted is told from what is.
    pub generation: Generation,
    /// True while growing files are followed.
    pub following: bool,
}

impl Model {
    /// Before anything is read.
    pub fn new(size: (u16, u16), settings: Settings, local: Zone, following: bool) -> Model {
        Model {
            size,
            stage: Stage::Loading(Progress::default()),
            settings,
            local,
            zone: ZoneView::Utc,
            relative: false,
            pane: Pane::Timeline,
            history: Vec::new(),
            axis: Axis::default(),
            sites: Sites::default(),
            sessions: Sessions::default(),
            events: Events::default(),
            diagnosis: List::default(),
            statements: Vec::new(),
            notes: Vec::new(),
            note: List::default(),
            prompt: None,
            overlay: None,
            message: None,
            generation: Generation::default(),
            following,
        }
    }

    /// The reading, where it is there.
    pub fn data(&self) -> Option<&Arc<Data>> {
        match &self.stage {
            Stage::Ready(data) => Some(data),
            _ => None,
        }
    }

    /// The parts of the screen.
    pub fn areas(&self) -> Areas {
        areas(self.size.0, self.size.1)
    }

    /// How times are shown; `source` is the source whose zone may be asked for.
    pub fn clock(&self, source: Option<u32>) -> Clock {
        let data = self.data();
        let of_source = || {
            let sources = data.map(|d| d.table.sources.as_slice()).unwrap_or_default();
            let own = source.and_then(|s| sources.get(s as usize));
            let named = own.or_else(|| sources.iter().find(|s| Zone::parse(&s.zone.name) != Zone::Utc));
            named.map_or(Zone::Utc, |s| Zone::parse(&s.zone.name))
        };
        let zone = match self.zone {
            ZoneView::Utc => Zone::Utc,
            ZoneView::Local => self.local,
            ZoneView::Source => of_source(),
        };
        let onset = data.and_then(|d| d.onset.or(Some(d.window.0)));
        Clock { zone, from: onset.filter(|_| self.relative) }
    }

    /// How many events are shown.
    pub fn event_count(&self) -> usize {
        match &self.events.shown {
            Some(shown) => shown.len(),
            None => self.data().map_or(0, |d| d.order.len()),
        }
    }

    /// The position in the order of time of a shown event.
    pub fn event_at(&self, index: usize) -> Option<u32> {
        match &self.events.shown {
            Some(shown) => shown.get(index).copied(),
            None => (index < self.event_count()).then(|| num::count(index)),
        }
    }

    /// The row of a shown event.
    pub fn event_row(&self, index: usize) -> Option<RowId> {
        self.data()?.order.get(self.event_at(index)? as usize).copied()
    }

    /// The selected leak's index.
    pub fn site(&self) -> Option<usize> {
        self.sites.shown.get(self.sites.list.at).map(|(leak, _)| *leak)
    }

    /// The selected session's index.
    pub fn session(&self) -> Option<u32> {
        match self.sessions.lines.get(self.sessions.list.at) {
            Some(SessionLine::Session(index)) => Some(*index),
            _ => None,
        }
    }

    /// The list of the pane shown; the timeline has none.
    pub fn list_mut(&mut self) -> Option<&mut List> {
        match self.pane {
            Pane::Timeline => None,
            Pane::Sites => Some(&mut self.sites.list),
            Pane::Sessions => Some(&mut self.sessions.list),
            Pane::Events => Some(&mut self.events.list),
            Pane::Diagnosis => Some(&mut self.diagnosis),
            Pane::Notes => Some(&mut self.note),
        }
    }

    /// The heights of the list of the pane shown and its number of lines.
    pub fn list_size(&self) -> (usize, u16) {
        let body = self.areas().body;
        match self.pane {
            Pane::Timeline => (0, body.height),
            Pane::Sites => {
                let lines = self.sites.shown.len();
                (lines, super::layout::split_at(body, lines).0.height.saturating_sub(1))
            }
            Pane::Sessions => {
                (self.sessions.lines.len(), super::layout::split(body, self.sessions.holding).0.height.saturating_sub(2))
            }
            Pane::Events => (self.event_count(), super::layout::split(body, self.events.record).0.height.saturating_sub(1)),
            Pane::Diagnosis => (self.statements.len(), body.height),
            Pane::Notes => (self.notes.len(), body.height.saturating_sub(1)),
        }
    }
}
