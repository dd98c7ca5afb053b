//! A cause weighed: signs for and against, each with its number and the rows that show it, and one of five words.

use crate::table::RowId;

macro_rules! causes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal, $words:literal;)+) => {
        /// The causes that are weighed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $($(#[$doc])+ $variant,)+ }

        impl Cause {
            /// Every cause, in the order in which equals are preferred.
            pub const ALL: &'static [Cause] = &[$(Cause::$variant),+];

            /// The word in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Cause::$variant => $name),+ }
            }

            /// The cause in a sentence.
            pub const fn words(self) -> &'static str {
                match self { $(Cause::$variant => $words),+ }
            }
        }
    };
}

causes! {
    /// Connections are opened or borrowed and never given back.
    ConnectionLeak = "connection_leak", "a connection leak";
    /// The server went down or was restarted.
    DatabaseRestart = "database_restart", "a restart of the database";
    /// The server cannot be reached.
    DatabaseUnreachable = "database_unreachable", "an unreachable database";
    /// Memory, disk, file descriptors or threads ran out.
    ResourceExhaustion = "resource_exhaustion", "an exhausted resource";
    /// Statements take long, or wait for locks.
    SlowQueries = "slow_queries", "slow queries";
    /// Connections are held while something else is slow.
    HeldAcrossSlowCall = "held_across_slow_call", "connections held across a slow call";
    /// The cache fails and its load falls on the database.
    CacheFailure = "cache_failure", "a failing cache";
    /// One client or few ask far more than before.
    AbusiveClient = "abusive_client", "an abusive client";
    /// Many clients ask more than before.
    TrafficSurge = "traffic_surge", "a surge of traffic";
    /// The load balancer sends requests to the wrong place or to nobody.
    LbMisconfiguration = "lb_misconfiguration", "a misconfigured load balancer";
    /// The network between the tiers is slow or drops packets.
    NetworkLatency = "network_latency", "a slow network";
    /// The pool is too small for an ordinary load.
    UndersizedPool = "undersized_pool", "a pool too small for its load";
}

/// The five words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A sufficient sign, nothing against it, far ahead.
    Confirmed,
    /// Strong signs, ahead of the others.
    Likely,
    /// Some signs.
    Possible,
    /// The logs that would tell are missing.
    CannotTell,
    /// A necessary sign was measured and is not there.
    RuledOut,
}

impl Status {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Confirmed => "confirmed",
            Status::Likely => "likely",
            Status::Possible => "possible",
            Status::CannotTell => "cannot_tell",
            Status::RuledOut => "ruled_out",
        }
    }
}

/// What a sign is to its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Without it the cause is ruled out.
    Necessary,
    /// Alone it makes the cause likely.
    Sufficient,
    /// It counts for or against.
    Supporting,
}

/// One sign: a sentence with its number and its proof, and how far it speaks for (up to 1) or against (down to −1) the cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    /// What it is to the cause.
    pub role: Role,
    /// −1 to 1.
    pub value: f64,
    /// How much it counts.
    pub weight: f64,
    /// The sentence.
    pub text: String,
    /// The number in it.
    pub number: Option<f64>,
    /// Rows that show it.
    pub evidence: Vec<RowId>,
}

/// A cause, weighed.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Which.
    pub cause: Cause,
    /// The word.
    pub status: Status,
    /// Weighted mean of its signs, −1 to 1; `None` where nothing could be measured.
    pub score: Option<f64>,
    /// How much of what would have to be known is known, 0 to 1, by weight.
    pub coverage: f64,
    /// The signs that were measured.
    pub signs: Vec<Sign>,
    /// What would have to be logged to measure the others.
    pub missing: Vec<String>,
}

/// Collects the signs of one cause.
#[derive(Debug)]
pub struct Weighing {
    cause: Cause,
    signs: Vec<Sign>,
    missing: Vec<(f64, String)>,
}

impl Weighing {
    /// Begins to weigh a cause.
    pub fn new(cause: Cause) -> Weighing {
        Weighing { cause, signs: Vec::new(), missing: Vec::new() }
    }

    /// Adds a sign. A sentence without proof is not said.
    pub fn sign(
        &mut self,
        role: Role,
        weight: f64,
        value: f64,
        text: impl Into<String>,
        number: Option<f64>,
        evidence: &[RowId],
    ) {
        if !evidence.is_empty() {
            let value = value.clamp(-1.0, 1.0);
            self.signs.push(Sign { role, value, weight, text: text.into(), number, evidence: evidence.to_vec() });
        }
    }

    /// Notes what could not be measured.
    pub fn missing(&mut self, weight: f64, what: &str) {
        self.missing.push((weight, what.to_owned()));
    }

    /// The hypothesis. Statuses that compare causes ([`Status::Confirmed`], [`Status::Likely`]) are given by the verdict.
    pub fn finish(self) -> Hypothesis {
        let measured: f64 = self.signs.iter().map(|s| s.weight).sum();
        let lost: f64 = self.missing.iter().map(|(w, _)| w).sum();
        let score = (measured > 0.0).then(|| self.signs.iter().map(|s| s.value * s.weight).sum::<f64>() / measured);
        let coverage = if measured + lost > 0.0 { measured / (measured + lost) } else { 0.0 };
        let out = self.signs.iter().any(|s| s.role == Role::Necessary && s.value <= -0.5);
        let sufficient = self.signs.iter().any(|s| s.role == Role::Sufficient && s.value >= 0.5);
        let status = match score {
            _ if out => Status::RuledOut,
            Some(score) if sufficient && score > 0.0 => Status::Likely,
            Some(score) if score >= 0.15 && coverage >= 0.4 => Status::Possible,
            _ if coverage < 0.4 => Status::CannotTell,
            Some(score) if score <= -0.3 => Status::RuledOut,
            _ => Status::Possible,
        };
        let missing = self.missing.into_iter().map(|(_, text)| text).collect();
        Hypothesis { cause: self.cause, status, score, coverage, signs: self.signs, missing }
    }
}

impl Hypothesis {
    /// True where a sign that suffices alone is there.
    pub fn sufficient(&self) -> bool {
        self.signs.iter().any(|s| s.role == Role::Sufficient && s.value >= 0.5)
    }

    /// True where something speaks clearly against it.
    pub fn contradicted(&self) -> bool {
        self.signs.iter().any(|s| s.value <= -0.5)
    }
}
