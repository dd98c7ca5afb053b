//! systemd's lines about units and the kernel's about processes that it killed for want of memory, in journald, syslog and
//! dmesg.
//!
//! Source: systemd `src/core/job.c`, `src/core/service.c`, `src/core/unit.c`; Linux `mm/oom_kill.c`.
//!
//! ```text
//! shop.service: Main process exited, code=killed, status=9/KILL
//! Out of memory: Killed process 4242 (java) total-vm:8123456kB, anon-rss:4012345kB
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{num, text};
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "systemd",
    about: "systemd units that start, stop and fail; processes that the kernel killed for want of memory",
    spec: "systemd src/core/{job,service,unit}.c; Linux mm/oom_kill.c",
    needles: &["Started ", "Stopped ", "Reloaded ", ".service", "Killed process ", "Kill process ", "oom-killer", "OOM killer"],
    recognise,
    examples: &[
        Example {
            line: "Started shop.service - Shop API.",
            shows: &[("kind", "app.start"), ("reason", "unit"), ("subject", "shop.service")],
        },
        Example {
            line: "shop.service: Main process exited, code=killed, status=9/KILL",
            shows: &[("kind", "app.stop"), ("reason", "killed"), ("subject", "shop.service")],
        },
        Example {
            line: "shop.service: Failed with result 'oom-kill'.",
            shows: &[("kind", "app.stop"), ("reason", "oom_kill"), ("subject", "shop.service")],
        },
        Example {
            line: "Out of memory: Killed process 4242 (java) total-vm:8123456kB, anon-rss:4012345kB, file-rss:0kB",
            shows: &[("kind", "app.stop"), ("reason", "oom_kill"), ("subject", "java"), ("conn.backend_pid", "4242")],
        },
        Example {
            line: "java invoked oom-killer: gfp_mask=0x100cca, order=0, oom_score_adj=0",
            shows: &[("kind", "resource.exhausted"), ("reason", "out_of_memory"), ("subject", "java")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if event.kind != Kind::Log {
        return false;
    }
    let message = text::first_line(event.message).0.trim_ascii();
    kernel(message, event) || unit(message, event)
}

fn put<'a>(event: &mut Event<'a>, kind: Kind, reason: &'static [u8], subject: &'a [u8]) -> bool {
    event.kind = kind;
    event.reason = reason;
    event.subject = subject;
    true
}

/// The kernel's words. `Kill process` announces (kernels before 4.20) what `Killed process` then says.
fn kernel<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    if let Some(body) = text::after(message, b"Killed process ") {
        let Some(pid) = num::uint32(text::digits(body)) else { return false };
        event.backend_pid = pid;
        event.severity = Severity(event.severity.0.max(Severity::ERROR.0));
        return put(event, Kind::AppStop, b"oom_kill", text::between(body, b"(", b")").unwrap_or_default());
    }
    if let Some(name) = text::before(message, b" invoked oom-killer") {
        let name = name.get(memchr::memrchr(b' ', name).map_or(0, |n| n + 1)..).unwrap_or_default();
        return put(event, Kind::ResourceExhausted, b"out_of_memory", name);
    }
    if let Some(body) = text::after(message, b"emory: Kill process ") {
        return put(event, Kind::ResourceExhausted, b"out_of_memory", text::between(body, b"(", b")").unwrap_or_default());
    }
    false
}

/// The manager's words about a unit: `shop.service: …` and `Started …`.
fn unit<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    let name = text::before(message, b": ").filter(|name| name.ends_with(b".service") && !name.contains(&b' '));
    if let Some(name) = name {
        let body = message.get(name.len() + 2..).unwrap_or_default();
        return fate(body, name, event);
    }
    if let Some(name) = message.strip_prefix(b"Unit ").and_then(|t| text::before(t, b" entered failed state")) {
        return put(event, Kind::AppStop, b"failed", name);
    }
    for (verb, kind, reason) in [
        (&b"Started "[..], Kind::AppStart, &b"unit"[..]),
        (b"Stopped ", Kind::AppStop, b"unit"),
        (b"Reloaded ", Kind::ConfigChange, b"reload"),
    ] {
        let Some(subject) = message.strip_prefix(verb).and_then(|what| service(what, event)) else { continue };
        return put(event, kind, reason, subject);
    }
    false
}

/// The unit in `shop.service - Shop API.` (systemd 252 on), `shop.service.`, or, where systemd itself is the writer, the
/// description `Shop API.` (to 251). Sessions, slices, timers and mounts are no services.
fn service<'a>(what: &'a [u8], event: &Event<'a>) -> Option<&'a [u8]> {
    let what = what.strip_suffix(b".").unwrap_or(what);
    let name = text::before(what, b" - ").unwrap_or(what);
    if name.ends_with(b".service") && !name.contains(&b' ') {
        return Some(name);
    }
    let unit_of_another_kind = name.iter().all(|b| *b != b' ') && memchr::memchr(b'.', name).is_some();
    let session = what.starts_with(b"Session ") || what.starts_with(b"User ") || what.starts_with(b"session-");
    (event.service.starts_with(b"systemd") && !unit_of_another_kind && !session).then_some(what)
}

/// What became of a unit.
fn fate<'a>(body: &'a [u8], name: &'a [u8], event: &mut Event<'a>) -> bool {
    if body.starts_with(b"Main process exited") || body.starts_with(b"main process exited") {
        let killed =
            memchr::memmem::find(body, b"code=killed").is_some() || memchr::memmem::find(body, b"code=dumped").is_some();
        let well = memchr::memmem::find(body, b"status=0/SUCCESS").is_some();
        return put(
            event,
            Kind::AppStop,
            if killed {
                b"killed"
            } else if well {
                b"exited"
            } else {
                b"exit_code"
            },
            name,
        );
    }
    if let Some(result) = text::between(body, b"Failed with result '", b"'") {
        let reason: &[u8] = match result {
            b"oom-kill" => b"oom_kill",
            b"signal" | b"core-dump" => b"killed",
            b"exit-code" => b"exit_code",
            b"timeout" => b"timeout",
            b"watchdog" => b"watchdog",
            b"start-limit-hit" => b"start_limit",
            _ => b"failed",
        };
        return put(event, Kind::AppStop, reason, name);
    }
    if body.starts_with(b"Deactivated successfully") || body.starts_with(b"Succeeded.") {
        return put(event, Kind::AppStop, b"deactivated", name);
    }
    if memchr::memmem::find(body, b"OOM killer").is_some() {
        return put(event, Kind::ResourceExhausted, b"out_of_memory", name);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_count_only_from_systemd() {
        let arena = Arena::new();
        let mut own = Event { message: b"Started Shop API.", service: b"systemd", ..Event::default() };
        assert!(recognise(&mut own, &arena));
        assert_eq!(own.subject, b"Shop API");
        let mut other = Event { message: b"Started Shop API.", ..Event::default() };
        assert!(!recognise(&mut other, &arena));
        for message in [&b"Started Session 12 of user root."[..], b"Started logrotate.timer - Rotate."] {
            assert!(!recognise(&mut Event { message, service: b"systemd", ..Event::default() }, &arena));
        }
    }
}
