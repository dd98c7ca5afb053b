//! What a user may say about how logs are to be read.

use backtrail_parsers::detect::Hints;
use chrono_tz::Tz;
use globset::GlobMatcher;

/// A zone given for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenZone {
    /// An IANA zone, with its summer time.
    Named(Tz),
    /// A fixed offset east of UTC, in seconds.
    Fixed(i32),
}

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Zones by file, the first that matches.
    pub zones: Vec<(GlobMatcher, GivenZone)>,
    /// The year of times without one; `None` infers it.
    pub year: Option<i32>,
    /// Layouts by file, the first that matches.
    pub formats: Vec<(GlobMatcher, &'static str)>,
    /// `log_format` texts of the web servers, as their configurations spell them.
    pub log_formats: Vec<String>,
    /// Which stack frames are the application's.
    pub in_app: Vec<String>,
    /// Which are not, although they look like it.
    pub not_in_app: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            threads: 1,
            zones: Vec::new(),
            year: None,
            formats: Vec::new(),
            log_formats: Vec::new(),
            in_app: Vec::new(),
            not_in_app: Vec::new(),
        }
    }
}

impl Options {
    /// What detection is told about a file.
    pub fn hints(&self, path: &str) -> Hints {
        Hints { only: first_match(&self.formats, path).copied(), log_formats: self.log_formats.clone(), ..Hints::default() }
    }

    /// The zone given for a file.
    pub fn zone(&self, path: &str) -> Option<GivenZone> {
        first_match(&self.zones, path).copied()
    }
}

/// The first entry whose pattern matches the path, or the file's name alone.
fn first_match<'a, T>(list: &'a [(GlobMatcher, T)], path: &str) -> Option<&'a T> {
    let name = path.rsplit('/').next().unwrap_or(path);
    list.iter().find(|(glob, _)| glob.is_match(path) || glob.is_match(name)).map(|(_, value)| value)
}
