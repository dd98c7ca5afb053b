//! The registry of recognisers, in the order in which they are asked, and the one pass that chooses whom to ask.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::Domain;
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use aho_corasick::{AhoCorasick, MatchKind};

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

/// All recognisers behind one multi-pattern automaton: a message is looked at once, and only those recognisers are asked
/// whose needles stand in it, in the registry's order.
pub struct Recognisers {
    needles: Option<AhoCorasick>,
    owner: Vec<u8>,
}

impl Recognisers {
    /// Builds the automaton; a few milliseconds, once a process.
    pub fn new() -> Recognisers {
        let mut patterns = Vec::new();
        let mut owner = Vec::new();
        for (index, spec) in RECOGNISERS.iter().enumerate() {
            for needle in spec.needles {
                patterns.push(*needle);
                owner.push(u8::try_from(index).unwrap_or(u8::MAX));
            }
        }
        let needles = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok().filter(|_| !owner.is_empty());
        Recognisers { needles, owner }
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
        let mut asked = [0u64; 4];
        self.mark(event.message, &mut asked);
        self.mark(event.stack, &mut asked);
        for (key, value) in event.attrs {
            self.mark(key, &mut asked);
            self.mark(value, &mut asked);
        }
        for (word, bits) in asked.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if RECOGNISERS.get(index).is_some_and(|spec| (spec.recognise)(event, arena)) {
                    return;
                }
            }
        }
    }

    fn mark(&self, text: &[u8], asked: &mut [u64; 4]) {
        let Some(needles) = self.needles.as_ref().filter(|_| !text.is_empty()) else { return };
        for hit in needles.find_overlapping_iter(text) {
            if let Some(owner) = self.owner.get(hit.pattern().as_usize())
                && let Some(word) = asked.get_mut(usize::from(*owner) / 64)
            {
                *word |= 1 << (owner % 64);
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
