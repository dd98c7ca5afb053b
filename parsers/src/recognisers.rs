//! The registry of recognisers, in the order in which they are asked, and the one pass that chooses whom to ask.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::Domain;
use crate::prim::needles::Needles;
use crate::prim::text;
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;

macro_rules! recognisers {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every recogniser.
        pub static RECOGNISERS: &[&RecogniserSpec] = &[$(&$name::SPEC),*];
    };
}

recognisers! {
    postgres_server pgbouncer pgpool mysql_server mongodb_server redis_server ids hikaricp dbcp2 tomcat_jdbc
    c3p0 agroal ironjacamar druid ucp_weblogic sqlalchemy psycopg_pool asyncpg active_record node_pools pgx
    go_sql npgsql sqlx ecto pool_generic django alerts deploys lifecycle systemd resources caches flask
    requests exceptions
}

/// All recognisers behind one search for all their needles: a message is looked at once, and only those recognisers are
/// asked whose needles stand in it, in the registry's order.
pub struct Recognisers {
    needles: Needles,
}

impl Recognisers {
    /// Makes the tables of the search; less than a millisecond, once a process.
    pub fn new() -> Recognisers {
        let owned = RECOGNISERS.iter().zip(0u8..).flat_map(|(spec, owner)| spec.needles.iter().map(move |n| (*n, owner)));
        Recognisers { needles: Needles::new(owned) }
    }

    /// Lets the recognisers that apply classify `event`. `names` remembers what was found in the names of attributes.
    pub fn apply<'a>(&self, domain: Domain, names: &mut Names, event: &mut Event<'a>, arena: &'a Arena) {
        match domain {
            Domain::Complete => {}
            Domain::Only(name) => {
                if let Some(spec) = crate::registry::recogniser(name) {
                    (spec.recognise)(event, arena);
                }
            }
            Domain::Any => {
                self.dispatch(names, event, arena);
                failed(event);
            }
        }
    }

    fn dispatch<'a>(&self, names: &mut Names, event: &mut Event<'a>, arena: &'a Arena) {
        // One bit a recogniser: the registry has fewer than 128, which a test holds.
        let mut asked = 0u128;
        let mut mark = |owner: u8| asked |= 1u128.checked_shl(owner.into()).unwrap_or(0);
        self.needles.find(event.message, &mut mark);
        self.needles.find(event.stack, &mut mark);
        let mut by_name = 0u128;
        for (key, value) in event.attrs {
            let (asked, plain) = names.asked(&self.needles, key);
            by_name |= asked;
            // The message is often an attribute too; numbers hold no needle.
            if !plain && !is_one(value, event.message) && !is_number(value) {
                self.needles.find(value, &mut mark);
            }
        }
        asked |= by_name;
        while asked != 0 {
            let index = asked.trailing_zeros() as usize;
            asked &= asked - 1;
            if RECOGNISERS.get(index).is_some_and(|spec| (spec.recognise)(event, arena)) {
                return;
            }
        }
    }
}

/// The recognisers that a name is a needle of, and whether its values are plain.
type About = (u128, bool);

/// What the search found in the names of attributes. The records of a file use the same few names again and again.
#[derive(Default)]
pub struct Names {
    /// What is known of a name, each near the place that its mixed ends give it.
    slots: Vec<(Vec<u8>, About)>,
}

impl Names {
    /// Places; a power of two.
    const PLACES: usize = 256;
    /// Places in which a name is looked for.
    const NEAR: usize = 4;
    /// Longer names are rarely names.
    const LONGEST: usize = 64;

    fn asked(&mut self, needles: &Needles, name: &[u8]) -> About {
        if self.slots.is_empty() {
            self.slots.resize(Self::PLACES, (Vec::new(), (0, false)));
        }
        let home = usize::from(mixed(name));
        let near = || (home..home + Self::NEAR).map(|place| place % Self::PLACES);
        let known = near().find_map(|place| self.slots.get(place).filter(|(known, _)| text::same(known, name)));
        if let Some((_, about)) = known.filter(|_| !name.is_empty()) {
            return *about;
        }
        let mut asked = 0u128;
        needles.find(name, &mut |owner| asked |= 1u128.checked_shl(owner.into()).unwrap_or(0));
        let about = (asked, is_plain(name));
        // Names that share a home live next door, until there is no room.
        let free = near().find(|place| self.slots.get(*place).is_some_and(|(known, _)| known.is_empty()));
        let slot = self.slots.get_mut(free.unwrap_or(home % Self::PLACES));
        if let Some(slot) = slot.filter(|_| name.len() <= Self::LONGEST) {
            slot.0.clear();
            slot.0.extend_from_slice(name);
            slot.1 = about;
        }
        about
    }
}

/// Last parts of names, without case and separators, whose values are an id, an address, a time or a word that no
/// recogniser looks for.
const PLAIN: [&[u8]; 30] = [
    b"time",
    b"timestamp",
    b"ts",
    b"level",
    b"loglevel",
    b"severity",
    b"pid",
    b"tid",
    b"hostname",
    b"host",
    b"ip",
    b"clientip",
    b"remoteip",
    b"remoteaddr",
    b"remoteaddress",
    b"remoteport",
    b"method",
    b"url",
    b"uri",
    b"path",
    b"useragent",
    b"version",
    b"traceid",
    b"spanid",
    b"requestid",
    b"reqid",
    b"rid",
    b"uuid",
    b"status",
    b"statuscode",
];

fn is_plain(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or(name);
    let letters = || last.iter().filter(|b| !matches!(b, b'_' | b'-' | b'@')).map(u8::to_ascii_lowercase);
    PLAIN.iter().any(|plain| letters().eq(plain.iter().copied()))
}

/// Mixes the length and both ends of a name.
fn mixed(name: &[u8]) -> u16 {
    let ends = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(head), Some(tail)) => u32::from_le_bytes(*head) ^ u32::from_le_bytes(*tail).rotate_left(15),
        _ => name.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)),
    };
    let mixed = (ends ^ u32::try_from(name.len()).unwrap_or(0)).wrapping_mul(0x9e37_79b1);
    let [_, _, low, high] = mixed.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// True where both are the same bytes in memory.
fn is_one(one: &[u8], other: &[u8]) -> bool {
    std::ptr::eq(one, other)
}

/// Digits, and what stands between them in numbers and dates; a test holds that no needle is made of those. A colon may
/// belong to a port, which a recogniser knows.
fn is_number(value: &[u8]) -> bool {
    value.len() <= 32 && value.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-'))
}

/// A record at error level that shows an exception, and that nobody made more of, is an error. A bare sentence at error
/// level stays a log record: its severity says what there is to say.
fn failed(event: &mut Event<'_>) {
    let shown = !event.stack.is_empty() || !event.error_type.is_empty();
    if event.kind == Kind::Log && event.severity >= Severity::ERROR && shown {
        event.kind = Kind::Error;
    }
}

impl Default for Recognisers {
    fn default() -> Self {
        Recognisers::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, RECOGNISERS, Recognisers};

    #[test]
    fn names_are_remembered() {
        let (set, mut names) = (Recognisers::new(), Names::default());
        let owners = |about: super::About| about.0.count_ones();
        for _ in 0..2 {
            assert!(names.asked(&set.needles, b"req_id").0 != 0 && names.asked(&set.needles, b"ctx.reqId").1);
            assert_eq!(names.asked(&set.needles, b"xyz"), (0, false));
            let long = [b"-".repeat(80), b"reqId".to_vec()].concat();
            assert_eq!(owners(names.asked(&set.needles, &long)), owners(names.asked(&set.needles, b"reqId")));
            for n in 0..2000 {
                assert_eq!(names.asked(&set.needles, format!("field{n}").as_bytes()), (0, false));
            }
        }
    }

    #[test]
    fn every_recogniser_has_a_bit_and_its_needles_are_searched_for() {
        assert!(RECOGNISERS.len() <= 128);
        for needle in RECOGNISERS.iter().flat_map(|spec| spec.needles) {
            assert!(needle.len() >= 3, "{needle:?} is too short to be rare");
            assert!(!super::is_number(needle.as_bytes()), "{needle:?} could stand in a number");
        }
    }
}
