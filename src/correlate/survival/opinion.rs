//! What is said of one open session, and in which words.

use super::Stratum;

/// Why nothing is claimed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// Too few sessions closed: how many did, how many are needed.
    TooFew(usize, usize),
    /// The longest hold fills too much of the window; both in seconds.
    WindowTooShort(f64, f64),
    /// Holds differ too much: the standard deviation of their logarithm.
    TooVaried(f64),
    /// Older than most, but this could be chance.
    Chance,
    /// They look like connections that a pool keeps.
    MayBePooled,
    /// Too few old ones to be a habit.
    MayBeKept,
    /// The log loses about as many lines.
    MayBeLost,
    /// A thread that opened nothing else holds it.
    OwnThread,
}

/// What is said of one open session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// Far older than healthy sessions are.
    Leaked,
    /// As old as healthy sessions are, or showing signs of life.
    StillInUse,
    /// Not decided, and why.
    Undecided(Doubt),
}

/// The judgement of one open session and the numbers behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Position in the list of spells.
    pub index: usize,
    /// The decision.
    pub decision: Decision,
    /// What it was compared with.
    pub stratum: Stratum,
    /// Closed sessions in that population.
    pub closed: usize,
    /// The share of healthy open sessions at least this old; `None` where nothing could be computed.
    pub p: Option<f64>,
    /// The smallest share of false discoveries at which it is one.
    pub q: Option<f64>,
    /// Healthy sessions this old or older to be expected in that population when they were found open.
    pub expected: f64,
    /// Open sessions this old or older that are there.
    pub observed: u64,
}

impl Opinion {
    /// Why, in words that fit a ledger.
    pub fn why(&self) -> &'static str {
        match self.decision {
            Decision::Leaked => "far older than healthy sessions are",
            Decision::StillInUse if self.p.is_none() => "it shows signs of life",
            Decision::StillInUse => "not older than healthy sessions are",
            Decision::Undecided(Doubt::TooFew(..)) => "too few sessions closed to know how long they usually last",
            Decision::Undecided(Doubt::WindowTooShort(..)) => "window too short to know how long normal holds last",
            Decision::Undecided(Doubt::TooVaried(_)) => "holds differ too much to know how long normal ones last",
            Decision::Undecided(Doubt::Chance) => "older than most, but that may be chance",
            Decision::Undecided(Doubt::MayBePooled) => {
                "far older than others, but a pool may keep it: no more of them were added"
            }
            Decision::Undecided(Doubt::MayBeKept) => "far older than others, but so few are that one may keep it by design",
            Decision::Undecided(Doubt::MayBeLost) => "far older than others, but its log loses about as many lines",
            Decision::Undecided(Doubt::OwnThread) => {
                "far older than others, but its thread opened nothing else: it may keep it by design"
            }
        }
    }

    /// The judgement in a sentence with its numbers.
    pub fn sentence(&self) -> String {
        self.sentence_of(self.stratum.name())
    }

    /// The same, with the population named: `the pool HikariPool-1`.
    pub fn sentence_of(&self, of: &str) -> String {
        match self.decision {
            Decision::Undecided(Doubt::TooFew(n, need)) => {
                format!("{}: {n} of {of} closed, {need} are needed", self.why())
            }
            Decision::Undecided(Doubt::WindowTooShort(longest, window)) => {
                format!("{}: the longest of {of} was {longest:.1} s in a log of {window:.0} s", self.why())
            }
            Decision::Undecided(Doubt::TooVaried(sd)) => {
                format!("{}: the standard deviation of the logarithm is {sd:.1} for {of}", self.why())
            }
            _ if self.p.is_none() => self.why().to_owned(),
            _ => {
                let expected = match self.expected {
                    e if e < 0.01 => "under 0.01".into(),
                    e if e < 10.0 => format!("{e:.2}"),
                    e => format!("{e:.0}"),
                };
                let (observed, closed) = (self.observed, self.closed);
                format!(
                    "expected healthy sessions this old: {expected}; observed: {observed} (by {closed} closed sessions of {of})"
                )
            }
        }
    }
}
