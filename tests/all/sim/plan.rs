//! What a run is made of: the scenario with its true cause, the stack that logs it, and what is done to the logs.

use super::rng::Rng;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            pub(crate) const ALL: &'static [$name] = &[$($name::$variant),+];

            pub(crate) const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// What happens, finer than the causes.
    Scenario {
        Healthy = "healthy", HealthyBusy = "healthy, busy hour", LeakUnbounded = "leak without a pool",
        LeakAlways = "leak, every call", LeakBranch = "leak, one branch", LeakLate = "leak, collected late",
        PoolShrunk = "pool made smaller", PoolOutgrown = "pool outgrown", Surge = "surge", AbuseOne = "one address",
        AbuseNet = "one network", Botnet = "botnet, one agent", SlowQuery = "slow statement", Locks = "lock chain",
        SlowCall = "held across a slow call", CacheDown = "cache down", CacheCold = "cache cold", LbNoServer = "balancer: no server",
        LbWrongServer = "balancer: one wrong server", LbTimeout = "balancer: time-out too short", NetSlow = "network slow",
        NetLoss = "network loses packets", DbRestart = "database restarted", DbCrashLoop = "database crashes again and again",
        DbUnreachable = "database unreachable", AppMemory = "application out of memory", DbDisk = "database's disk full",
        AppFiles = "application out of descriptors",
    }
}

words! {
    /// What is done to the logs.
    Damage {
        Whole = "none", Lines = "5 % of the lines lost", Hole = "hole at a rotation", Skew = "a clock 30 s off",
        Zones = "mixed zones", NoStacks = "no stacks", NoIds = "no request ids", NoEdge = "no balancer's log",
        NoApp = "no application's log", NoDb = "no database's log", Short = "begins just before", Noise = "noise",
    }
}

words! {
    /// The load balancer.
    Edge { Haproxy = "haproxy", NginxTimed = "nginx with times", Nginx = "nginx combined" }
}

words! {
    /// The application.
    App { Hikari = "spring, hikaricp", Alchemy = "python, sqlalchemy", AlchemyJson = "python, json lines", Knex = "node, knex" }
}

words! {
    /// The database.
    Db { PgPlain = "postgresql", PgLong = "postgresql, long prefix", PgCsv = "postgresql csvlog", Mysql = "mysql" }
}

impl Scenario {
    /// The true cause in the vocabulary of reports.
    pub(crate) const fn cause(self) -> &'static str {
        use Scenario as S;
        match self {
            S::Healthy | S::HealthyBusy => "none",
            S::LeakUnbounded | S::LeakAlways | S::LeakBranch | S::LeakLate => "connection_leak",
            S::PoolShrunk | S::PoolOutgrown => "undersized_pool",
            S::Surge => "traffic_surge",
            S::AbuseOne | S::AbuseNet | S::Botnet => "abusive_client",
            S::SlowQuery | S::Locks => "slow_queries",
            S::SlowCall => "held_across_slow_call",
            S::CacheDown | S::CacheCold => "cache_failure",
            S::LbNoServer | S::LbWrongServer | S::LbTimeout => "lb_misconfiguration",
            S::NetSlow | S::NetLoss => "network_latency",
            S::DbRestart | S::DbCrashLoop => "database_restart",
            S::DbUnreachable => "database_unreachable",
            S::AppMemory | S::DbDisk | S::AppFiles => "resource_exhaustion",
        }
    }

    pub(crate) fn healthy(self) -> bool {
        self.cause() == "none"
    }

    pub(crate) fn leaks(self) -> bool {
        self.cause() == "connection_leak"
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    pub(crate) damage: Damage,
    pub(crate) edge: Edge,
    pub(crate) app: App,
    pub(crate) db: Db,
    /// Length of the logs, when it begins and when it ends, in seconds; an end beyond the logs is none.
    pub(crate) seconds: f64,
    pub(crate) begin: f64,
    pub(crate) end: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) instances: usize,
    /// Connections of a pool; 0: there is none, every request connects for itself.
    pub(crate) pool: usize,
    pub(crate) threads: usize,
    pub(crate) max_connections: usize,
    pub(crate) acquire_timeout: f64,
    pub(crate) lb_timeout: f64,
    /// Share of the requests to its endpoint that leak.
    pub(crate) leak_share: f64,
    /// The endpoint in which it happens.
    pub(crate) endpoint: usize,
    pub(crate) every_statement: bool,
    pub(crate) leak_detection: bool,
    /// A deploy brings it.
    pub(crate) deployed: bool,
    /// A deploy of something else comes shortly before.
    pub(crate) decoy: bool,
    /// Clients try again when they fail.
    pub(crate) retries: bool,
    /// More load than before, as a multiple.
    pub(crate) load: f64,
    /// Statements at once from which on they slow one another down.
    pub(crate) cores: f64,
    /// Seconds since the epoch at which the logs begin.
    pub(crate) epoch: i64,
}

/// Median of a statement, seconds; its deviation of the logarithm.
pub(crate) const STATEMENT: (f64, f64) = (0.035, 0.6);
/// Seconds a request holds its connection on average, by statements a request, when nothing is wrong.
const HOLD: f64 = 0.11;
/// Share of the requests that ask the database while the cache works.
const ASKING: f64 = 0.41;

impl Plan {
    #[expect(clippy::too_many_lines, reason = "a table of what is drawn")]
    /// The run of a seed; `length` is 1 for the full length.
    pub(crate) fn new(scenario: Scenario, damage: Damage, seed: u64, length: f64) -> Plan {
        use Scenario as S;
        let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(scenario as u64 * 1009 + damage as u64 * 7));
        let seconds = length * rng.within(450.0, 900.0);
        let begin = seconds * rng.within(0.40, 0.55);
        let recovers = rng.chance(0.7);
        let end = if recovers { begin + (seconds - begin) * rng.within(0.6, 0.8) } else { seconds * 2.0 };
        let rate = rng.within(6.0, 12.0);
        let instances = 2;
        let mut app = *rng.pick(App::ALL);
        if scenario == S::LeakLate {
            app = *rng.pick(&[App::Alchemy, App::AlchemyJson]);
        }
        if scenario == S::LeakUnbounded && app == App::Hikari {
            app = App::Knex;
        }
        let mut edge = *rng.pick(Edge::ALL);
        if matches!(scenario, S::NetSlow | S::NetLoss) && edge == Edge::Nginx {
            edge = Edge::NginxTimed;
        }
        let mut db = *rng.pick(Db::ALL);
        if scenario == S::DbDisk && db == Db::Mysql {
            db = Db::PgPlain;
        }
        // The pool carries the usual load with ease, and not what comes on top of it.
        let usual = rate * ASKING * HOLD / instances as f64;
        let crowd = matches!(scenario, S::Surge | S::AbuseOne | S::AbuseNet | S::Botnet);
        let tight = crowd || matches!(scenario, S::PoolOutgrown | S::CacheDown | S::CacheCold);
        let pool = match scenario {
            S::LeakUnbounded => 0,
            S::PoolShrunk => 4,
            S::SlowQuery | S::Locks | S::SlowCall => 2,
            _ if tight => 1,
            _ => 5 + rng.below(6),
        };
        let load = match scenario {
            S::PoolOutgrown => rng.within(1.25, 1.4),
            _ if crowd => rng.within(1.3, 1.8) / usual,
            _ => 1.0,
        };
        let full = instances as f64 / (ASKING * HOLD);
        let rate = match scenario {
            S::PoolOutgrown => full * 0.82,
            S::PoolShrunk => full * 1.25,
            S::CacheDown | S::CacheCold => full * 0.66,
            _ => rate,
        };
        let endpoint = match scenario {
            S::SlowCall => 6,
            S::SlowQuery => *rng.pick(&[2, 3, 5]),
            S::Locks => 4,
            _ => *rng.pick(&[3, 4, 5, 6]),
        };
        Plan {
            seed,
            scenario,
            damage,
            edge,
            app,
            db,
            seconds,
            begin,
            end,
            rate,
            instances,
            pool,
            threads: 60,
            max_connections: 30 + rng.below(40),
            acquire_timeout: if tight { 5.0 } else { *rng.pick(&[1.0, 2.0, 3.0, 5.0]) },
            lb_timeout: *rng.pick(&[8.0, 15.0, 30.0]),
            leak_share: match scenario {
                S::LeakAlways | S::LeakUnbounded => 0.6,
                _ => rng.within(0.08, 0.3),
            },
            endpoint,
            every_statement: rng.chance(0.6),
            leak_detection: damage != Damage::NoStacks && rng.chance(0.75),
            deployed: scenario.leaks() || matches!(scenario, S::SlowQuery | S::SlowCall) && rng.chance(0.5),
            decoy: rng.chance(0.3),
            retries: !scenario.healthy() && rng.chance(0.4),
            load,
            cores: rng.within(6.0, 30.0),
            epoch: 1_741_000_000 + (rng.below(400) as i64) * 86_400 + 36_000 + rng.below(20_000) as i64,
        }
    }

    /// Is it going on?
    pub(crate) fn active(&self, t: f64) -> bool {
        t >= self.begin && t < self.end && !self.scenario.healthy()
    }

    /// Does what is left of the logs hold what the answer needs? Where it does not, no answer is the right one.
    pub(crate) fn provable(&self) -> bool {
        use Scenario as S;
        if matches!(self.damage, Damage::Short | Damage::NoEdge) || self.damage == Damage::Hole {
            return false;
        }
        match self.scenario {
            S::Healthy | S::HealthyBusy => true,
            // Borrows and returns, or leak detection, or the sessions themselves.
            S::LeakAlways | S::LeakBranch | S::LeakLate => {
                self.damage != Damage::NoApp && (self.app != App::Hikari || self.leak_detection)
            }
            S::LeakUnbounded => self.damage != Damage::NoDb,
            S::SlowQuery | S::Locks => self.damage != Damage::NoDb,
            S::LbNoServer | S::LbWrongServer | S::LbTimeout | S::NetSlow | S::NetLoss => true,
            S::Surge | S::AbuseOne | S::AbuseNet | S::Botnet => true,
            S::SlowCall => {
                // MySQL's logs say nothing of statements that are not slow.
                let timed = self.damage != Damage::NoDb && self.db != Db::Mysql;
                self.damage != Damage::NoApp && self.app != App::Hikari && timed
            }
            S::DbDisk => true,
            S::CacheCold | S::CacheDown | S::PoolShrunk | S::PoolOutgrown => self.damage != Damage::NoApp,
            S::DbRestart | S::DbCrashLoop => self.damage != Damage::NoDb,
            S::DbUnreachable | S::AppMemory | S::AppFiles => self.damage != Damage::NoApp,
        }
    }
}
