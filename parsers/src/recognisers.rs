//! The registry of recognisers, in the order in which they are asked, and the one pass that chooses whom to ask.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::Domain;
use crate::prim::needles::Needles;
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

    /// Lets the recognisers that apply classify `event`.
    pub fn apply<'a>(&self, domain: Domain, event: &mut Event<'a>, arena: &'a Arena) {
        match domain {
            Domain::Complete => {}
            Domain::Only(name) => {
                if let Some(spec) = crate::registry::recogniser(name) {
                    (spec.recognise)(event, arena);
                }
            }
            Domain::Any => {
                self.dispatch(event, arena);
                failed(event);
            }
        }
    }

    fn dispatch<'a>(&self, event: &mut Event<'a>, arena: &'a Arena) {
        // One bit a recogniser: the registry has fewer than 128, which a test holds.
        let mut asked = 0u128;
        let mut mark = |owner: u8| asked |= 1u128.checked_shl(owner.into()).unwrap_or(0);
        self.needles.find(event.message, &mut mark);
        self.needles.find(event.stack, &mut mark);
        for (key, value) in event.attrs {
            self.needles.find(key, &mut mark);
            self.needles.find(value, &mut mark);
        }
        while asked != 0 {
            let index = asked.trailing_zeros() as usize;
            asked &= asked - 1;
            if RECOGNISERS.get(index).is_some_and(|spec| (spec.recognise)(event, arena)) {
                return;
            }
        }
    }
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
    use super::RECOGNISERS;

    #[test]
    fn every_recogniser_has_a_bit_and_its_needles_are_searched_for() {
        assert!(RECOGNISERS.len() <= 128);
        for needle in RECOGNISERS.iter().flat_map(|spec| spec.needles) {
            assert!(needle.len() >= 3, "{needle:?} is too short to be rare");
        }
    }
}
