//! A time as it was written, before anybody decides what it means in UTC.

/// How much of a point in time the text itself gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Written {
    /// No time at all.
    #[default]
    Nothing,
    /// An instant: an epoch number, or a civil time with `Z`, `UTC`, `GMT` or a numeric offset.
    Instant,
    /// A civil time without a zone, or with an abbreviation that is not unambiguous (`CET`, `IST`).
    Local,
    /// A civil time without zone and year (`Nov 20 09:52:21`).
    NoYear,
    /// A time of day alone (`10:15:20.136`).
    NoDate,
}

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Nanoseconds since 1970-01-01T00:00:00: of the instant when `written` is [`Written::Instant`], else of the civil
    /// time read as if it were UTC. Without a year the year is 1972 (a leap year, so that 29 February exists); without
    /// a date the day is 1970-01-01.
    pub nanos: i64,
    /// What the text gave.
    pub written: Written,
    /// The resolution of the text in decimal digits of a second: 0, 3, 6 or 9 (others as written).
    pub digits: u8,
}

/// The year that a stamp without a year is put in.
pub const NO_YEAR: i32 = 1972;

impl Stamp {
    /// No time.
    pub const NONE: Stamp = Stamp { nanos: 0, written: Written::Nothing, digits: 0 };

    /// An instant, nanoseconds since the epoch.
    pub const fn instant(nanos: i64, digits: u8) -> Stamp {
        Stamp { nanos, written: Written::Instant, digits }
    }

    /// True where the text gave any time.
    pub const fn is_some(self) -> bool {
        !matches!(self.written, Written::Nothing)
    }
}
