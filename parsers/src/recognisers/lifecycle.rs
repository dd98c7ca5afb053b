//! Application processes that start, become ready, lose workers and stop, in the words of the servers and frameworks that
//! run them. What a process held before it started or after it stopped is gone.
//!
//! `reason` of a start is `starting` (a new process), `worker` (a new worker process), `ready` (the process that started
//! earlier now serves). `reason` of a stop is `shutdown`, `graceful`, `worker_exit`, `worker_timeout`, `killed`, `crashed`.
//!
//! Source: Spring Boot `StartupInfoLogger`; gunicorn `arbiter.py`; uvicorn `server.py`; puma `lib/puma/`; ASP.NET Core
//! `Microsoft.Hosting.Lifetime`; supervisor `process.py`; php-fpm `fpm_children.c`; uWSGI `core/`.
//!
//! ```text
//! Starting ShopApplication v2.4.0 using Java 17.0.15 with PID 28410 (profile prod)
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "lifecycle",
    about: "application processes and workers that start, serve, die and stop",
    spec: "Spring Boot, gunicorn, uvicorn, puma, ASP.NET Core, supervisor, php-fpm, uWSGI and others: their sources",
    needles: &[
        "Exception in worker process",
        "orker failed to boot",
        "Handling signal: hup",
        "Hang up: Master",
        "Application startup failed",
        "Starting ",
        "Started ",
        "tarted in ",
        "tarted on ",
        "startup in ",
        "tartup complete",
        "starting in ",
        "started. Press",
        "pid: ",
        "pid:",
        " pid ",
        "istening on",
        "istening at",
        "istening and serving",
        "running on http",
        "running at ",
        "running on ",
        "hutting down",
        "hutdown",
        " process [",
        "SIGTERM",
        "eceived SIGINT",
        "Booting ",
        "Booted Rails ",
        "booted in ",
        "Gracefully stopping",
        "spawned",
        "exited",
        "stopped",
        "bye-bye!",
        "Goodbye!",
        "Stopping ",
        "DAMN ! worker ",
        "WORKER TIMEOUT",
        "Worker exiting",
        "Worker (pid:",
    ],
    recognise,
    examples: &[
        Example {
            line: "Starting ShopApplication v2.4.0 using Java 17.0.15 with PID 28410 (profile prod)",
            shows: &[
                ("kind", "app.start"),
                ("reason", "starting"),
                ("subject", "ShopApplication"),
                ("service.version", "v2.4.0"),
                ("process.pid", "28410"),
            ],
        },
        Example {
            line: "Started ShopApplication in 0.764 seconds (JVM running for 1.045)",
            shows: &[("kind", "app.start"), ("reason", "ready"), ("subject", "ShopApplication"), ("duration_ns", "764000000")],
        },
        Example {
            line: "Booting worker with pid: 13320",
            shows: &[("kind", "app.start"), ("reason", "worker"), ("process.pid", "13320")],
        },
        Example {
            line: "WORKER TIMEOUT (pid:13320)",
            shows: &[("kind", "app.stop"), ("reason", "worker_timeout"), ("conn.backend_pid", "13320")],
        },
        Example { line: "Shutting down: Master", shows: &[("kind", "app.stop"), ("reason", "shutdown")] },
        Example { line: "Finished server process [21752]", shows: &[("kind", "app.stop"), ("process.pid", "21752")] },
        Example { line: "Server listening on http://0.0.0.0:3000", shows: &[("kind", "app.start"), ("reason", "ready")] },
        Example { line: "listening on channel price_change; pid: 3", shows: &[("kind", "log")] },
        Example {
            line: "[pool www] child 12 exited on signal 9 (SIGKILL) after 3.5 seconds from start",
            shows: &[("kind", "app.stop"), ("reason", "killed"), ("conn.backend_pid", "12")],
        },
    ],
};

/// Where a rule's text stands in the message.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Start,
    Anywhere,
    Whole,
}
use At::{Anywhere, Start, Whole};

/// Whose the process id in the message is.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    /// The process that wrote the record.
    Own,
    /// Another one, that the writer looks after.
    Other,
}
use Who::{Other, Own};

struct Rule(At, &'static [u8], Kind, &'static [u8], Who);

const STARTING: &[u8] = b"starting";
const WORKER: &[u8] = b"worker";
const READY: &[u8] = b"ready";
const SHUTDOWN: &[u8] = b"shutdown";
const GRACEFUL: &[u8] = b"graceful";
const WORKER_EXIT: &[u8] = b"worker_exit";
const KILLED: &[u8] = b"killed";
const FAILED: &[u8] = b"failed_to_boot";
const UP: Kind = Kind::AppStart;
const DOWN: Kind = Kind::AppStop;

/// The first rule that fits decides.
static RULES: &[Rule] = &[
    // gunicorn
    Rule(Start, b"Starting gunicorn ", UP, STARTING, Own),
    Rule(Start, b"Booting worker with pid: ", UP, WORKER, Own),
    Rule(Start, b"Listening at: http", UP, READY, Own),
    Rule(Start, b"Listening at: unix:", UP, READY, Own),
    Rule(Start, b"Worker exiting (pid: ", DOWN, WORKER_EXIT, Own),
    Rule(Start, b"WORKER TIMEOUT (pid:", DOWN, b"worker_timeout", Other),
    Rule(Start, b"Worker (pid:", DOWN, WORKER_EXIT, Other),
    Rule(Start, b"Shutting down: Master", DOWN, SHUTDOWN, Own),
    Rule(Start, b"Exception in worker process", DOWN, b"exception", Own),
    Rule(Start, b"Worker failed to boot", DOWN, FAILED, Own),
    Rule(Start, b"Reason: Worker failed to boot", DOWN, FAILED, Own),
    Rule(Start, b"Handling signal: hup", Kind::ConfigChange, b"reload", Own),
    Rule(Start, b"Hang up: Master", Kind::ConfigChange, b"reload", Own),
    // uvicorn, hypercorn
    Rule(Start, b"Started server process [", UP, WORKER, Own),
    Rule(Start, b"Started parent process [", UP, STARTING, Own),
    Rule(Start, b"Application startup complete", UP, READY, Own),
    Rule(Anywhere, b"vicorn running on http", UP, READY, Own),
    Rule(Start, b"Application startup failed", DOWN, FAILED, Own),
    Rule(Start, b"Finished server process [", DOWN, WORKER_EXIT, Own),
    Rule(Start, b"Stopping parent process [", DOWN, SHUTDOWN, Own),
    Rule(Start, b"Child process [", DOWN, WORKER_EXIT, Other),
    Rule(Whole, b"Shutting down", DOWN, SHUTDOWN, Own),
    // uWSGI
    Rule(Start, b"*** Starting uWSGI ", UP, STARTING, Own),
    Rule(Start, b"spawned uWSGI worker ", UP, WORKER, Other),
    Rule(Start, b"spawned uWSGI master ", UP, STARTING, Own),
    Rule(Start, b"DAMN ! worker ", DOWN, KILLED, Other),
    // puma, Rails, sidekiq
    Rule(Start, b"Puma starting in ", UP, STARTING, Own),
    Rule(Start, b"=> Booting Puma", UP, STARTING, Own),
    Rule(Anywhere, b"Booted Rails ", UP, STARTING, Own),
    Rule(Anywhere, b") booted in ", UP, WORKER, Other),
    Rule(Start, b"- Gracefully stopping", DOWN, GRACEFUL, Own),
    Rule(Start, b"- Goodbye!", DOWN, SHUTDOWN, Own),
    Rule(Start, b"=== puma shutdown", DOWN, SHUTDOWN, Own),
    // php-fpm
    Rule(Start, b"fpm is running, pid ", UP, STARTING, Own),
    Rule(Whole, b"exiting, bye-bye!", DOWN, SHUTDOWN, Own),
    Rule(Anywhere, b" exited on signal ", DOWN, KILLED, Other),
    // supervisor
    Rule(Start, b"spawned: '", UP, STARTING, Other),
    Rule(Start, b"exited: ", DOWN, b"exited", Other),
    Rule(Start, b"stopped: ", DOWN, SHUTDOWN, Other),
    // ASP.NET Core
    Rule(Start, b"Application started. Press ", UP, READY, Own),
    Rule(Start, b"Application is shutting down", DOWN, SHUTDOWN, Own),
    Rule(Start, b"Now listening on: http", UP, READY, Own),
    // the JVM's
    Rule(Start, b"Server startup in ", UP, READY, Own),
    Rule(Start, b"Startup completed in ", UP, READY, Own),
    Rule(Start, b"Tomcat started on port", UP, READY, Own),
    Rule(Start, b"Netty started on port", UP, READY, Own),
    Rule(Start, b"Jetty started on port", UP, READY, Own),
    Rule(Start, b"Undertow started on port", UP, READY, Own),
    Rule(Start, b"Stopping service [", DOWN, SHUTDOWN, Own),
    Rule(Start, b"Commencing graceful shutdown", DOWN, GRACEFUL, Own),
    Rule(Start, b"Graceful shutdown complete", DOWN, GRACEFUL, Own),
    // whatever else people write
    Rule(Anywhere, b"eceived SIGTERM", DOWN, GRACEFUL, Own),
    Rule(Anywhere, b"eceived SIGINT", DOWN, GRACEFUL, Own),
    Rule(Anywhere, b"SIGTERM received", DOWN, GRACEFUL, Own),
    Rule(Anywhere, b"SIGTERM signal received", DOWN, GRACEFUL, Own),
    Rule(Anywhere, b"racefully shutting down", DOWN, GRACEFUL, Own),
    Rule(Anywhere, b"hutting down gracefully", DOWN, GRACEFUL, Own),
    Rule(Start, b"Server shutting down", DOWN, SHUTDOWN, Own),
    Rule(Start, b"server shutting down", DOWN, SHUTDOWN, Own),
    Rule(Start, b"shutting down server", DOWN, SHUTDOWN, Own),
    Rule(Start, b"Shutting down server", DOWN, SHUTDOWN, Own),
];

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if !matches!(event.kind, Kind::Log | Kind::Error) {
        return false;
    }
    let message = text::first_line(event.message).0.trim_ascii();
    // `* Listening on …` and `[12] - Worker 0 …` are puma's marks.
    let message = message.strip_prefix(b"* ").unwrap_or(message);
    if spring(message, event) || quarkus(message, event) {
        return true;
    }
    if let Some(rule) = RULES.iter().find(|rule| fits(rule, message)) {
        event.kind = rule.2;
        event.reason = rule.3;
        fill(message, rule.4, event);
        return true;
    }
    if listens(message) {
        event.kind = UP;
        event.reason = READY;
        fill(message, Own, event);
        return true;
    }
    false
}

fn fits(rule: &Rule, message: &[u8]) -> bool {
    match rule.0 {
        Start => message.starts_with(rule.1),
        Whole => message == rule.1,
        Anywhere => memchr::memmem::find(message, rule.1).is_some(),
    }
}

/// Process id, version and name, where the message gives them.
fn fill<'a>(message: &'a [u8], whose: Who, event: &mut Event<'a>) {
    if let Some(pid) = stated_pid(message) {
        if whose == Own && event.pid == 0 {
            event.pid = pid;
        } else if pid != event.pid {
            event.backend_pid = pid;
        }
    }
    if event.version.is_empty() {
        event.version = version(message);
    }
    if event.subject.is_empty() {
        event.subject = named(message);
    }
    if memchr::memmem::find(message, b"SIGKILL").is_some() {
        event.reason = if memchr::memmem::find(message, b"out of memory").is_some() { b"out_of_memory" } else { KILLED };
    }
}

/// The number behind the first of the words that announce a process id.
fn stated_pid(message: &[u8]) -> Option<u32> {
    const MARKS: [&[u8]; 10] =
        [b"with pid: ", b"(pid: ", b"(pid:", b"PID: ", b"with PID ", b"process [", b"with pid ", b"pid ", b"] child ", b"PID "];
    MARKS.iter().find_map(|mark| text::after(message, mark).map(text::digits).and_then(num::uint32))
}

/// The first word that is a version: `v2.4.0`, `27.0.1`.
fn version(message: &[u8]) -> &[u8] {
    let is_version = |word: &[u8]| {
        let number = word.strip_prefix(b"v").unwrap_or(word);
        let dots = number.iter().filter(|b| **b == b'.').count();
        let digits = number.first().is_some_and(u8::is_ascii_digit);
        digits && (dots == 2 || (dots == 1 && number.len() < word.len())) && !number.contains(&b':')
    };
    let mut words = message.split(|b| matches!(b, b' ' | b'/' | b'(' | b')' | b',' | b'='));
    words.find(|word| is_version(word)).unwrap_or_default()
}

/// A name in the places where these messages put one: `spawned: 'web' with pid 12`, `exited: web (…)`, `Starting gunicorn`.
fn named(message: &[u8]) -> &[u8] {
    let name = [&b"spawned: '"[..], b"exited: ", b"stopped: ", b"Stopping service [", b"Starting "]
        .into_iter()
        .find_map(|mark| message.strip_prefix(mark));
    name.map(text::word).unwrap_or_default()
}

/// `Starting App v1.2.0 using Java 17 with PID 12`, `Starting App on web-1 with PID 12`, `Started App in 3.1 seconds`;
/// also `Starting shop-api v2.4.0` of anybody.
fn spring<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    if let Some(body) = message.strip_prefix(b"Starting ") {
        let name = text::word(body);
        let tail = body.get(name.len()..).unwrap_or_default().trim_ascii_start();
        let versioned = !version(text::word(tail)).is_empty();
        if !(text::after(body, b" with PID ").is_some() || (versioned && name != b"MariaDB")) {
            return false;
        }
        event.kind = UP;
        event.reason = STARTING;
        event.subject = name;
        if versioned {
            event.version = text::word(tail);
        }
        if let Some(pid) = stated_pid(message) {
            if event.pid == 0 {
                event.pid = pid;
            } else if event.pid != pid {
                event.backend_pid = pid;
            }
        }
        return true;
    }
    let Some(body) = message.strip_prefix(b"Started ") else { return false };
    let name = text::word(body);
    let Some(seconds) = body.get(name.len()..).and_then(|t| t.strip_prefix(b" in ")) else { return false };
    let Some(duration) = text::before(seconds, b" seconds").and_then(|n| num::scaled(n, 9)) else { return false };
    event.kind = UP;
    event.reason = READY;
    event.subject = name;
    event.duration_ns = duration;
    true
}

/// `shop-api 1.4.0 on JVM (powered by Quarkus 3.2.0) started in 1.2s.`, `shop-api stopped in 0.1s`, and `WildFly`'s.
fn quarkus<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    let up = memchr::memmem::find(message, b" started in ");
    let known = [&b"powered by Quarkus"[..], b"WFLYSRV"].iter().any(|mark| memchr::memmem::find(message, mark).is_some());
    let name = text::word(message);
    if up.is_some() && known {
        event.kind = UP;
        event.reason = READY;
        event.subject = name;
        event.version = version(text::before(message, b"(").unwrap_or(message));
        return true;
    }
    let stopped = message.get(name.len()..).is_some_and(|t| t.starts_with(b" stopped in "))
        || (known && memchr::memmem::find(message, b" stopped in ").is_some());
    if stopped {
        event.kind = DOWN;
        event.reason = SHUTDOWN;
        event.subject = name;
    }
    stopped
}

/// `Server listening on port 3000`, `Example app listening at http://localhost:3000`, `http server started on [::]:8080`:
/// a place to listen, with a port, behind the words. A listener on a channel or queue is none.
fn listens(message: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [
        b"istening on ",
        b"istening at ",
        b"istening on: ",
        b"istening and serving HTTP on ",
        b"erver started on ",
        b"erver running on ",
        b"erver running at ",
    ];
    let Some(place) = WORDS.iter().find_map(|word| text::after(message, word)) else { return false };
    let place = place.strip_prefix(b"port ").or_else(|| place.strip_prefix(b"port: ")).unwrap_or(place);
    let word = text::before(place, b" ").unwrap_or(place);
    let colon = memchr::memrchr(b':', word).and_then(|at| word.get(at + 1..)).unwrap_or(word);
    let port = num::digits(colon);
    word.starts_with(b"http") || word.starts_with(b"unix:") || word.starts_with(b"tcp:") || (port >= 2 && port <= 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_reached() {
        for Rule(_, text, ..) in RULES {
            let found = SPEC.needles.iter().any(|n| memchr::memmem::find(text, n.as_bytes()).is_some());
            assert!(found, "no needle finds {:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn listeners_need_a_place() {
        assert!(listens(b"Server listening on port 3000"));
        assert!(listens(b"Listening on 0.0.0.0:8080"));
        assert!(listens(b"http server started on [::]:8080"));
        assert!(!listens(b"listening on channel price_change"));
        assert!(!listens(b"listening on topic orders:new"));
    }
}
