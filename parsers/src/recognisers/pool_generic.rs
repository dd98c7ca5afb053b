//! Applications that log their own pool in their own words: `connection acquired`, `released conn 17`, `pool exhausted`,
//! with the connection's key in a field or in the text.
//!
//! There is no specification: a verb, a noun and a key (or a pool) must come together, so that a lock that is acquired
//! or a web socket that is closed is not taken for a borrow.
//!
//! ```text
//! {"connId":100001,"pool":"main","site":"Cart.merge (/srv/app/cart.js:132:17)","msg":"connection acquired"}
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{num, pairs, roles, text};
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "pool_generic",
    about: "an application's own words about borrowing and returning connections",
    spec: "none: verb, noun and key",
    needles: &[
        "cquired",
        "cquire ",
        "cquiring",
        "eleased",
        "eleasing",
        "orrowed",
        "orrowing",
        "eturned",
        "eturning",
        "hecked out",
        "hecked in",
        "heckout",
        "heckin",
        "onnection opened",
        "onnection closed",
        "xhausted",
        "conn_acquire",
        "conn_release",
        "connection_acquire",
        "connection_release",
        "pool.acquire",
        "pool.release",
        "pool acquire",
        "pool release",
    ],
    recognise,
    examples: &[
        Example {
            line: "connection acquired conn_id=17 pool=main",
            shows: &[("kind", "pool.borrow"), ("conn.id", "17"), ("pool.name", "main")],
        },
        Example {
            line: "Released connection #17 to pool main",
            shows: &[("kind", "pool.return"), ("conn.id", "17"), ("pool.name", "main")],
        },
        Example {
            line: "db connection opened: conn=a91f caller=shop/invoices.py:34",
            shows: &[
                ("kind", "pool.borrow"),
                ("conn.id", "a91f"),
                ("code.file.path", "shop/invoices.py"),
                ("code.line.number", "34"),
            ],
        },
        Example {
            line: "connection pool exhausted: 20 of 20 in use",
            shows: &[("kind", "pool.acquire_timeout"), ("reason", "pool_exhausted")],
        },
        Example { line: "lock acquired conn_id=17", shows: &[("kind", "log")] },
        Example { line: "websocket connection closed id=17", shows: &[("kind", "log")] },
        Example { line: "item 5 returned by customer", shows: &[("kind", "log")] },
    ],
};

const CONN_KEYS: [&str; 20] = [
    "conn_id",
    "connId",
    "connection_id",
    "connectionId",
    "connID",
    "connectionID",
    "conn.id",
    "connection.id",
    "db.conn",
    "db.conn_id",
    "db.connection.id",
    "db_conn",
    "dbConn",
    "db_conn_id",
    "conn",
    "connection",
    "client_id",
    "clientId",
    "checkout_id",
    "lease_id",
];
const POOL_KEYS: [&str; 7] =
    ["pool", "pool_name", "poolName", "pool.name", "db.pool", "db.client.connection.pool.name", "datasource"];
const SITE_KEYS: [&str; 9] =
    ["site", "caller", "call_site", "callSite", "callsite", "location", "acquired_at", "acquiredAt", "borrower"];

/// How much of a message is looked at.
const REACH: usize = 160;

/// The words of a message's first line, looked at without case.
struct Words {
    lower: [u8; REACH],
    length: usize,
    /// Where words begin, and how many there are.
    starts: [u8; REACH],
    count: usize,
}

impl Words {
    fn of(line: &[u8]) -> Words {
        let mut words = Words { lower: [0; REACH], length: line.len().min(REACH), starts: [0; REACH], count: 0 };
        let mut inside = false;
        for ((to, from), at) in words.lower.iter_mut().zip(line).zip(0u8..) {
            *to = from.to_ascii_lowercase();
            let letter = to.is_ascii_alphabetic();
            if letter
                && !inside
                && let Some(start) = words.starts.get_mut(words.count)
            {
                *start = at;
                words.count += 1;
            }
            inside = letter;
        }
        words
    }

    /// True where one of the words, given in small letters, stands in the text at the start of a word.
    fn any(&self, words: &[&[u8]]) -> bool {
        let text = self.lower.get(..self.length).unwrap_or_default();
        let starts = self.starts.get(..self.count).unwrap_or_default();
        starts
            .iter()
            .filter_map(|start| text.get(usize::from(*start)..))
            .any(|rest| words.iter().any(|word| rest.first() == word.first() && rest.starts_with(word)))
    }
}

/// Words of things that are also acquired, released, opened and closed.
const OTHERS: [&[u8]; 16] = [
    b"lock",
    b"mutex",
    b"lease",
    b"websocket",
    b"ws ",
    b"socket",
    b"http",
    b"tcp",
    b"grpc",
    b"leader",
    b"semaphore",
    b"amqp",
    b"kafka",
    b"token",
    b"client connected",
    b"keep-alive",
];
/// Words of attempts, which are neither a borrow nor a return.
const ATTEMPTS: [&[u8]; 14] = [
    b"fail",
    b"could not",
    b"cannot",
    b"can't",
    b"unable",
    b"not ",
    b"waiting",
    b"trying",
    b"error",
    b"attempt",
    b"acquiring",
    b"requesting",
    b"leak",
    b"retry",
];
/// Words of a borrow.
const TAKEN: [&[u8]; 10] = [
    b"acquired",
    b"acquire",
    b"borrowed",
    b"borrow",
    b"checked out",
    b"checkout",
    b"checked-out",
    b"conn_acquired",
    b"connection_acquired",
    b"obtained",
];
/// Words of a return.
const GIVEN: [&[u8]; 11] = [
    b"released",
    b"release",
    b"releasing",
    b"returned",
    b"returning",
    b"checked in",
    b"checkin",
    b"checked-in",
    b"conn_released",
    b"connection_released",
    b"gave back",
];
const NOUNS: [&[u8]; 8] = [b"connection", b"connections", b"conn ", b"conn=", b"conn_", b"conn-", b"conn:", b"conn#"];
const BAD: [&[u8]; 4] = [b"exhausted", b"timed out", b"timeout", b"time-out"];

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if !matches!(event.kind, Kind::Log | Kind::Error) {
        return false;
    }
    let (line, _) = text::first_line(event.message);
    let line = line.get(..REACH).unwrap_or(line);
    let words = Words::of(line);
    // A pool's own summary of itself is no borrow.
    if words.any(&[b"checked out connections"]) && memchr::memmem::find(line, b"Current Checked out connections").is_some() {
        return false;
    }
    let short = line.eq_ignore_ascii_case(b"conn acquired") || line.eq_ignore_ascii_case(b"conn released");
    let noun = short || words.any(&NOUNS);
    let pooled = words.any(&[b"pool"]) || pool_attr(event).is_some();
    if !(noun || pooled) || words.any(&OTHERS) {
        return false;
    }
    if words.any(&BAD) {
        return pooled && waits(event, &words);
    }
    let Some(kind) = kind_of(&words, pooled) else { return false };
    let key = key_of(event, line);
    // Without a key only its thread or its request can pair a borrow with its return.
    let paired = pooled && noun && !(event.thread.is_empty() && event.request_id.is_empty());
    if key.is_empty() && !paired {
        return false;
    }
    event.kind = kind;
    if event.conn.is_empty() {
        event.conn = key;
    }
    fill(event);
    true
}

/// A borrower that waited in vain.
fn waits(event: &mut Event<'_>, words: &Words) -> bool {
    let warned = event.severity >= Severity::WARN || event.severity == Severity::NONE;
    let asked =
        [&b"exhausted"[..], b"acquir", b"waiting for", b"checkout", b"borrow", b"get connection", b"getting connection"];
    let found = warned && words.any(&asked) && !words.any(&[b"thread pool", b"worker pool", b"task"]);
    if found {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"pool_exhausted";
        fill(event);
    }
    found
}

/// A borrow or a return; `None` where the words say neither or both.
fn kind_of(words: &Words, pooled: bool) -> Option<Kind> {
    if words.any(&ATTEMPTS) {
        return None;
    }
    let database = pooled || words.any(&[b"db ", b"db_", b"database", b"sql", b"postgres", b"mysql", b"jdbc", b"session"]);
    let database = database && words.length < 120;
    let opened = database && words.any(&[b"connection opened", b"opened connection"]);
    let closed = database && words.any(&[b"connection closed", b"closed connection"]);
    match (opened || words.any(&TAKEN), closed || words.any(&GIVEN)) {
        (true, false) => Some(Kind::PoolBorrow),
        (false, true) => Some(Kind::PoolReturn),
        _ => None,
    }
}

fn pool_attr<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    event.attr_any(&POOL_KEYS)
}

/// The connection's key: a field, `conn=…` in the text, or the word behind `connection`.
fn key_of<'a>(event: &Event<'a>, line: &'a [u8]) -> &'a [u8] {
    let field = event.attr_any(&CONN_KEYS).or_else(|| CONN_KEYS.iter().find_map(|key| pairs::value(line, key)));
    if let Some(key) = field.filter(|k| !k.is_empty()) {
        return key;
    }
    for noun in [&b"onnection "[..], b"conn ", b"Conn ", b"conn-", b"conn:"] {
        let mut rest = line;
        while let Some(tail) = text::after(rest, noun) {
            let word = text::word(tail.trim_ascii_start());
            let word = word.strip_prefix(b"#").unwrap_or(word);
            let word = word.strip_suffix(b":").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
            if word.iter().any(u8::is_ascii_digit) && !word.contains(&b'=') {
                return word;
            }
            rest = tail;
        }
    }
    pairs::value(line, "id").or_else(|| event.attr("id")).unwrap_or_default()
}

/// Pool, call site, durations, counters, request.
fn fill(event: &mut Event<'_>) {
    let line = text::first_line(event.message).0;
    // Most messages have their values in attributes or have none.
    let paired = memchr::memchr(b'=', line).is_some();
    let in_text = |key: &&str| pairs::value(line, key);
    let attrs = event.keyed();
    let value = |keys: &[&str]| {
        let told = || if paired { keys.iter().find_map(in_text).filter(|v| !v.is_empty()) } else { None };
        attrs.any(keys).or_else(told)
    };
    let named = || {
        text::after(line, b"pool ")
            .map(text::word)
            .map(|w| w.strip_prefix(b"\"").or_else(|| w.strip_prefix(b"'")).unwrap_or(w))
            .map(|w| w.strip_suffix(b":").unwrap_or(w))
    };
    let pool = value(&POOL_KEYS).or_else(|| {
        named()
            .filter(|w| !w.is_empty() && !matches!(*w, b"exhausted" | b"is" | b"connection" | b"timeout" | b"for" | b"after"))
    });
    let request = value(&["request_id", "requestId", "reqId", "req_id", "rid", "correlation_id", "correlationId"]);
    let site = value(&SITE_KEYS);
    let (function, file, number) = (
        value(&["function", "func", "code.function", "code.function.name"]),
        value(&["file", "code.filepath", "code.file.path"]),
        value(&["line", "lineno", "code.lineno", "code.line.number"]),
    );
    let took = |keys: &[&'static str]| {
        keys.iter().find_map(|key| value(&[key]).map(|v| roles::duration(key.as_bytes(), v))).unwrap_or(-1)
    };
    let (held, waited) = (
        took(&[
            "heldMs",
            "held_ms",
            "held",
            "usage_ms",
            "usedMs",
            "used_ms",
            "hold_ms",
            "durationMs",
            "duration_ms",
            "duration",
            "held_us",
            "held_s",
        ]),
        took(&["waitMs", "wait_ms", "waited_ms", "waitedMs", "wait", "waited", "acquire_ms", "acquireMs"]),
    );
    let count = |keys: &[&str]| value(keys).and_then(num::int).and_then(|v| i32::try_from(v).ok()).unwrap_or(-1);
    let gauge = crate::Gauge {
        total: count(&["total", "pool.total", "pool_size", "poolSize", "size"]),
        active: count(&["active", "pool.active", "in_use", "inUse", "pool.inUse", "pool.in_use", "used", "borrowed"]),
        idle: count(&["idle", "pool.idle", "free", "available"]),
        waiting: count(&["waiting", "pool.waiting", "pending", "pool.pending", "queued", "waiters"]),
        max: count(&["max", "pool.max", "pool_max", "poolMax", "max_size", "limit"]),
    };
    if event.pool.is_empty() {
        event.pool = pool.unwrap_or_default();
    }
    if event.request_id.is_empty() {
        event.request_id = request.unwrap_or_default();
    }
    if !event.gauge.is_some() {
        event.gauge = gauge;
    }
    if event.kind == Kind::PoolReturn && event.duration_ns < 0 {
        event.duration_ns = held;
    }
    if event.kind != Kind::PoolReturn && event.wait_ns < 0 {
        event.wait_ns = waited;
    }
    if let Some(site) = site {
        call_site(site, event);
    } else if event.file.is_empty() {
        event.function = function.unwrap_or(event.function);
        event.file = file.unwrap_or_default();
        event.line = number.and_then(num::uint32).unwrap_or(0);
    }
}

/// `Cart.merge (/srv/cart.js:132:17)`, `shop/invoices.py:34 render`, `render at shop/invoices.py:34`, `main.go:12`.
fn call_site<'a>(site: &'a [u8], event: &mut Event<'a>) {
    let site = site.strip_prefix(b"at ").unwrap_or(site).trim_ascii();
    let (function, place) = if let Some((function, place)) = text::before(site, b" (").zip(text::between(site, b" (", b")")) {
        (function, place)
    } else if let Some((function, place)) = text::before(site, b" at ").zip(text::after(site, b" at ")) {
        (function, place)
    } else if let Some((place, function)) = text::before(site, b" in ").zip(text::after(site, b" in ")) {
        (function, place)
    } else if let Some((first, second)) = text::before(site, b" ").zip(text::after(site, b" ")) {
        if first.contains(&b':') { (second, first) } else { (first, second) }
    } else {
        (&b""[..], site)
    };
    let mut parts = place.split(|b| *b == b':');
    let file = parts.next().unwrap_or_default();
    match parts.next().and_then(|n| num::uint32(text::digits(n))) {
        Some(line) => (event.file, event.line) = (file, line),
        // Only a name.
        None if function.is_empty() => {
            event.function = place;
            return;
        }
        None => event.file = file,
    }
    if !function.is_empty() {
        event.function = function;
    }
}
