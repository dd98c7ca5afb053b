//! PHP: `error_log`, php-fpm, Monolog's line formatter (Symfony, Laravel).
//!
//! Source: `php-src` `main/main.c` (`php_log_err_with_severity`), `sapi/fpm/fpm/zlog.c`; `Seldaek/monolog`
//! `LineFormatter::SIMPLE_FORMAT` = `[%datetime%] %channel%.%level_name%: %message% %context% %extra%`.
//!
//! ```text
//! [20-Nov-2026 10:33:12 UTC] PHP Warning:  text in /srv/a.php on line 4
//! [20-Nov-2026 10:33:12] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it
//! [2026-11-20T10:33:12.776113+00:00] app.ERROR: text {"exception":"[object] (…)"} []
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, pairs, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "php",
    about: "PHP's error_log, php-fpm, Monolog and Laravel",
    spec: "php-src main/main.c, sapi/fpm/fpm/zlog.c; Seldaek/monolog LineFormatter",
    weight: 84,
    infer: |sample: &Sample<'_>| {
        let fits = |test: fn(&[u8]) -> bool| sample.lines.iter().filter(|l| test(l)).count();
        let (error_log, monolog) = (fits(|l| dated(l).is_some()), fits(|l| monolog(l).is_some()));
        let reason = if monolog > error_log {
            "Monolog's `[time] channel.LEVEL: …`"
        } else {
            "PHP's `[20-Nov-2026 10:33:12 UTC] …`"
        };
        (error_log + monolog > 0).then(|| Inferred { layout: Box::new(Php), reason: reason.to_owned() })
    },
    examples: &[
        Example {
            line: "[20-Nov-2026 10:33:12 UTC] PHP Fatal error:  Uncaught Shop\\Gone: no in /srv/a.php:4\nStack trace:\n#0 {main}\n  thrown in /srv/a.php on line 4",
            shows: &[
                ("time", "2026-11-20T10:33:12Z"),
                ("severity", "FATAL"),
                ("error.type", "Shop\\Gone"),
                ("code.file.path", "/srv/a.php"),
                ("code.line.number", "4"),
            ],
        },
        Example {
            line: "[20-Nov-2026 10:33:12] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
            shows: &[("kind", "resource.exhausted"), ("reason", "workers"), ("pool.max", "5"), ("severity", "WARN")],
        },
        Example {
            line: "[2026-11-20 10:33:12] production.ERROR: gone {\"exception\":\"[object] (App\\\\Gone(code: 0): gone at /srv/app/Pay.php:7)\n[stacktrace]\n#0 {main}\n\"} ",
            shows: &[
                ("severity", "ERROR"),
                ("logger", "production"),
                ("error.type", "App\\Gone"),
                ("code.file.path", "/srv/app/Pay.php"),
                ("code.line.number", "7"),
            ],
        },
    ],
};

struct Php;

/// `[20-Nov-2026 10:33:12 Europe/Berlin] ` : stamp and rest.
fn dated(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let inner = line.strip_prefix(b"[")?;
    (inner.get(2) == Some(&b'-')).then_some(())?;
    let (stamp, width) = time::day_first(inner)?;
    let rest = inner.get(width..)?;
    let close = rest.iter().take(40).position(|b| *b == b']')?;
    Some((stamp, rest.get(close + 1..)?.trim_ascii_start()))
}

/// `[time] channel.LEVEL: `: stamp, channel, severity, rest.
fn monolog(line: &[u8]) -> Option<(Stamp, &[u8], Severity, &[u8])> {
    let inner = line.strip_prefix(b"[")?;
    let (stamp, width) = time::iso(inner)?;
    let rest = inner.get(width..)?.strip_prefix(b"] ")?;
    let colon = rest.iter().take(80).position(|b| *b == b':')?;
    let name = rest.get(..colon)?;
    let dot = memchr::memrchr(b'.', name)?;
    let severity = head::severity_of(name.get(dot + 1..)?)?;
    (!name.contains(&b' ') && name.get(dot + 1)?.is_ascii_uppercase()).then_some(())?;
    let body = rest.get(colon + 1..)?;
    Some((stamp, name.get(..dot)?, severity, body.strip_prefix(b" ").unwrap_or(body)))
}

impl Layout for Php {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'[') if dated(line).is_some() || monolog(line).is_some() => Line::Start,
            Some(b'{') => Line::Foreign,
            _ => Line::Continue,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        if let Some((stamp, channel, severity, body)) = monolog(record) {
            (event.stamp, event.logger, event.severity) = (stamp, channel, severity);
            head::settle(body, event);
            exception(event, arena);
            return Ok(());
        }
        let (stamp, body) = dated(record).ok_or(Reject::new(Reason::BadTime, 0))?;
        event.stamp = stamp;
        let body = level(body, event);
        head::settle(body, event);
        place(event);
        fpm(event);
        Ok(())
    }
}

/// `PHP Warning:  text` and php-fpm's `WARNING: text`.
fn level<'a>(body: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    const LEVELS: [(&[u8], Severity); 14] = [
        (b"Fatal error", Severity::FATAL),
        (b"Parse error", Severity::FATAL),
        (b"Core error", Severity::FATAL),
        (b"Compile error", Severity::FATAL),
        (b"Recoverable fatal error", Severity::ERROR),
        (b"User error", Severity::ERROR),
        (b"Warning", Severity::WARN),
        (b"User warning", Severity::WARN),
        (b"Deprecated", Severity::NOTICE),
        (b"Notice", Severity::NOTICE),
        (b"User notice", Severity::NOTICE),
        (b"User deprecated", Severity::NOTICE),
        (b"Startup", Severity::WARN),
        (b"Strict Standards", Severity::NOTICE),
    ];
    if let Some(rest) = body.strip_prefix(b"PHP ") {
        for (word, severity) in LEVELS {
            if let Some(message) = rest.strip_prefix(word).and_then(|r| r.strip_prefix(b":")) {
                event.severity = severity;
                return message.trim_ascii_start();
            }
        }
    }
    if let Some((severity, width)) = head::level(body)
        && body.get(width) == Some(&b':')
    {
        event.severity = severity;
        return body.get(width + 1..).unwrap_or_default().trim_ascii_start();
    }
    body
}

/// `… in /srv/a.php on line 4`, `Uncaught Class: text in /srv/a.php:4`.
fn place(event: &mut Event<'_>) {
    let message = event.message;
    if let Some(uncaught) = message.strip_prefix(b"Uncaught ") {
        event.error_type = text::before(uncaught, b":").or_else(|| text::before(uncaught, b" ")).unwrap_or_default();
    }
    let Some(at) = memchr::memmem::rfind(message, b" in ") else { return };
    let tail = message.get(at + 4..).unwrap_or_default();
    let (file, line) = match text::before(tail, b" on line ") {
        Some(file) => (file, text::after(tail, b" on line ").unwrap_or_default()),
        None => match memchr::memrchr(b':', tail) {
            Some(colon) => (tail.get(..colon).unwrap_or_default(), tail.get(colon + 1..).unwrap_or_default()),
            None => return,
        },
    };
    if let Some(line) = num::uint32(text::digits(line)).filter(|_| file.starts_with(b"/") || file.ends_with(b".php")) {
        event.file = file;
        event.line = line;
    }
}

/// Laravel: `{"exception":"[object] (Class(code: 0): message at /file.php:7)`.
fn exception<'a>(event: &mut Event<'a>, arena: &'a Arena) {
    let Some(object) = text::after(event.message, b"[object] (") else { return };
    // The class stands in a JSON text: its backslashes are doubled.
    event.error_type = pairs::unescape(text::before(object, b"(code:").unwrap_or_default(), arena);
    let Some(at) = memchr::memmem::find(object, b" at /") else { return };
    let tail = object.get(at + 4..).unwrap_or_default();
    let Some(colon) = memchr::memchr(b':', tail) else { return };
    if let Some(line) = num::uint32(text::digits(tail.get(colon + 1..).unwrap_or_default())) {
        event.file = tail.get(..colon).unwrap_or_default();
        event.line = line;
    }
}

/// php-fpm's own messages.
fn fpm(event: &mut Event<'_>) {
    let message = event.message;
    if let Some(pool) = message.strip_prefix(b"[pool ").and_then(|m| text::before(m, b"]")) {
        event.pool = pool;
        if let Some(rest) = text::after(message, b"server reached pm.max_children setting (")
            .or_else(|| text::after(message, b"server reached max_children setting ("))
        {
            event.kind = Kind::ResourceExhausted;
            event.reason = b"workers";
            event.gauge.max = num::uint(text::digits(rest)).and_then(|v| i32::try_from(v).ok()).unwrap_or(-1);
        }
    }
    if message.starts_with(b"fpm is running, pid ") {
        event.kind = Kind::AppStart;
    } else if message.starts_with(b"exiting, bye-bye!") {
        event.kind = Kind::AppStop;
    }
}
