//! What an event means: the closed vocabulary that correlation works on.

/// One of the floors of a web stack on which a session can be open. Sessions are matched inside a layer and linked
/// across layers, never matched across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Client to load balancer or web server.
    Lb,
    /// A request inside the application.
    Request,
    /// A borrow from a connection pool until its return.
    Pool,
    /// A client's session with a database proxy (PgBouncer, `ProxySQL`, Pgpool).
    Proxy,
    /// A session on the database server.
    Db,
}

impl Layer {
    /// Every layer, from the client's side to the database's.
    pub const ALL: [Layer; 5] = [Layer::Lb, Layer::Request, Layer::Pool, Layer::Proxy, Layer::Db];

    /// The layer's name in reports: `lb request pool proxy db`.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Lb => "lb",
            Layer::Request => "request",
            Layer::Pool => "pool",
            Layer::Proxy => "proxy",
            Layer::Db => "db",
        }
    }
}

macro_rules! kinds {
    ($($(#[$meta:meta])+ $variant:ident = $name:literal;)+) => {
        /// What an event means. The name (`db.connection.open`) is what reports, filters and exports show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(u8)]
        pub enum Kind { $($(#[$meta])+ $variant,)+ }

        impl Kind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),+];

            /// The dotted name shown to users.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name),+ }
            }
        }
    };
}

impl Kind {
    /// The code stored in the event table; the inverse of [`Kind::from_code`].
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a stored code; unknown codes read as [`Kind::Log`].
    pub fn from_code(code: u8) -> Kind {
        Kind::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }
}

/// The words that `reason` holds for a kind, one vocabulary for all producers; empty where the producer's own words are
/// kept (`HAProxy`'s termination state, Envoy's flags, an error number) or where there is no reason.
pub const fn reasons(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ConnectFailed => &[
            "too_many_clients",
            "authentication",
            "unknown_database",
            "starting_up",
            "shutting_down",
            "recovery",
            "query_wait_timeout",
            "closed_unexpectedly",
            "connection_refused",
            "unknown_host",
            "unreachable",
            "connect_timeout",
            "connection_reset",
            "failed",
            "pool_initialization",
            "pool_error",
            "reconnect_timeout",
            "login_failed",
            "health_check",
            "server_crashed",
            "connection_lost",
            "unknown_user",
            "unavailable",
        ],
        Kind::LbUpstreamError => &[
            "connection_refused",
            "connect_timeout",
            "unreachable",
            "unknown_host",
            "failed",
            "no_live_upstreams",
            "upstream_timeout",
            "upstream_closed",
            "upstream_reset",
            "no_response",
        ],
        Kind::ResourceExhausted => &[
            "out_of_memory",
            "disk_full",
            "file_descriptors",
            "processes",
            "threads",
            "workers",
            "worker_connections",
            "semaphore",
            "evicted",
            "scheduling",
        ],
        Kind::AppStart => &["starting", "worker", "ready", "unit", "node_rebooted", "restarted"],
        Kind::AppStop => &[
            "shutdown",
            "graceful",
            "worker_exit",
            "worker_timeout",
            "failed_to_boot",
            "exception",
            "killed",
            "oom_kill",
            "out_of_memory",
            "crash_loop",
            "probe_failed",
            "exited",
            "exit_code",
            "failed",
            "timeout",
            "watchdog",
            "start_limit",
            "deactivated",
            "unit",
        ],
        Kind::LbServerState => &["up", "down"],
        Kind::Alert => &["firing", "resolved", "pending", "acknowledged"],
        Kind::PoolStart => &["starting", "started", "configured"],
        Kind::PoolStop => &["shutting_down", "stopped"],
        Kind::AcquireTimeout => {
            &["timeout", "exhausted", "pool_exhausted", "queue_full", "interrupted", "unavailable", "pool_full", "pool_closed"]
        }
        Kind::ClockAnomaly => &["clock_back", "clock_leap", "starved"],
        _ => &[],
    }
}

// The order is stored in cases: add at the end of a group only together with a new schema version.
kinds! {
    /// A record without a special meaning to correlation.
    #[default]
    Log = "log";

    /// The server accepted a TCP or socket connection; nobody has logged in yet.
    DbReceived = "db.connection.received";
    /// A client proved its identity.
    DbAuthenticated = "db.connection.authenticated";
    /// A client was let into a database: the session is open.
    DbOpen = "db.connection.open";
    /// A session finished its set-up (PostgreSQL 18 `connection ready`).
    DbReady = "db.connection.ready";
    /// A session ended, in the server's own words.
    DbClose = "db.connection.close";
    /// An attempt was turned away; `reason` says why (`too_many_clients`, `authentication`, `unknown_database`, `starting_up` …).
    DbRefused = "db.connection.refused";
    /// The server is about to end or has ended a session on purpose; `reason` says why (`idle_in_transaction_timeout`,
    /// `idle_session_timeout`, `administrator_command`, `wait_timeout` …). A close line may follow.
    DbTerminated = "db.connection.terminated";
    /// The connection between client and server broke (`reason`); a close line may follow.
    DbPeerError = "db.connection.peer_error";
    /// Any sign of life of a session that is none of the other kinds.
    DbActivity = "db.activity";

    /// A client of a database proxy logged in.
    ProxyOpen = "proxy.client.open";
    /// A client of a database proxy was disconnected; `reason`, `duration_ns`.
    ProxyClose = "proxy.client.close";
    /// A client of a database proxy was turned away.
    ProxyRefused = "proxy.client.refused";
    /// A proxy opened a session on the database server.
    ProxyServerOpen = "proxy.server.open";
    /// A proxy closed its session on the database server.
    ProxyServerClose = "proxy.server.close";
    /// A client of a proxy waited for a server and gave up or was thrown out.
    ProxyWaitTimeout = "proxy.wait_timeout";
    /// A proxy's periodic counters.
    ProxyStats = "proxy.stats";

    /// A connection was borrowed from a pool.
    PoolBorrow = "pool.borrow";
    /// A borrowed connection came back to its pool.
    PoolReturn = "pool.return";
    /// A pool opened a physical connection.
    PoolConnAdded = "pool.connection.added";
    /// A pool closed a physical connection; `reason`.
    PoolConnClosed = "pool.connection.closed";
    /// A pool reports a borrow as leaked or overdue, often with the borrower's stack.
    LeakReport = "pool.leak.report";
    /// A borrow reported as leaked came back after all.
    LeakCleared = "pool.leak.cleared";
    /// A borrower waited for a connection in vain.
    AcquireTimeout = "pool.acquire_timeout";
    /// Counters of a pool: total, active, idle, waiting.
    PoolStats = "pool.stats";
    /// A pool was started or configured (maximum size in `pool_max`).
    PoolStart = "pool.start";
    /// A pool was shut down: everything it held is closed.
    PoolStop = "pool.stop";

    /// A request as a load balancer or web server logs it, at its end.
    LbRequest = "lb.request";
    /// A TCP session through a load balancer, logged at its end.
    LbSession = "lb.session";
    /// A back-end server was taken out of, or put into, rotation; `reason` holds `up` or `down`.
    LbServerState = "lb.server.state";
    /// The load balancer or web server could not reach or read from its back end.
    LbUpstreamError = "lb.upstream_error";

    /// A request began in the application.
    RequestStart = "request.start";
    /// A request ended in the application; `status` and `duration_ns` where known.
    RequestEnd = "request.end";

    /// A statement ran; `duration_ns` where known.
    Query = "db.query";
    /// A statement that the producer itself calls slow.
    SlowQuery = "db.query.slow";
    /// A session waits for a lock, or got it after a wait.
    LockWait = "db.lock.wait";
    /// A deadlock was found.
    Deadlock = "db.deadlock";
    /// A statement was cancelled; `reason` says by what (`statement_timeout`, `user_request`, `lock_timeout`).
    QueryCanceled = "db.query.canceled";

    /// A database server or proxy process starts.
    ServerStart = "server.start";
    /// A database server or proxy accepts connections.
    ServerReady = "server.ready";
    /// A database server or proxy begins to stop or has stopped.
    ServerStop = "server.stop";
    /// A server process crashed, or the server found that it had: every session of it has ended.
    ServerCrash = "server.crash";
    /// The server recovers after a crash.
    ServerRecovery = "server.recovery";
    /// A checkpoint, vacuum or other housekeeping.
    ServerMaintenance = "server.maintenance";

    /// An application process or worker started: what its predecessor held is gone.
    AppStart = "app.start";
    /// An application process or worker ended.
    AppStop = "app.stop";

    /// A version was put into service.
    Deploy = "deploy";
    /// A version was taken back.
    Rollback = "deploy.rollback";
    /// A configuration was changed or reloaded.
    ConfigChange = "config.change";
    /// An alert; `reason` holds `firing` or `resolved`.
    Alert = "alert";

    /// An exception of the application: a record with a stack or a named exception. A bare sentence at error level is `log`.
    Error = "error";
    /// A connection to the database, cache or an upstream could not be made; `reason`.
    ConnectFailed = "connect.failed";
    /// Memory, disk, file descriptors or threads ran out; `reason`.
    ResourceExhausted = "resource.exhausted";
    /// The clock of the producer jumped or the process starved.
    ClockAnomaly = "clock.anomaly";
}
