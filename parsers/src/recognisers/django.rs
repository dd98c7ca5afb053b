//! Django: statements of `django.db.backends`, database errors, and `django.request`'s failures.
//!
//! Source: `django/django` `django/db/backends/utils.py` (`debug_sql`), `django/core/handlers/exception.py`, `log.py`.
//!
//! ```text
//! (0.014) SELECT 1; args=(1,); alias=default
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "django",
    about: "Django's database and request loggers",
    spec: "django/django django/db/backends/utils.py, django/core/handlers/exception.py",
    needles: &["; args=", "django.db.utils.", "Internal Server Error: /", "Service Unavailable: /"],
    recognise,
    examples: &[
        Example {
            line: "(0.014) SELECT \"a\".\"id\" FROM \"a\" WHERE \"a\".\"id\" = 1; args=(1,); alias=default",
            shows: &[
                ("kind", "db.query"),
                ("duration_ns", "14000000"),
                ("db.query.text", "SELECT \"a\".\"id\" FROM \"a\" WHERE \"a\".\"id\" = 1"),
            ],
        },
        Example {
            line: "Internal Server Error: /orders/7\nTraceback (most recent call last):\ndjango.db.utils.OperationalError: connection to server at \"10.0.0.5\", port 5432 failed: FATAL:  sorry, too many clients already",
            shows: &[
                ("kind", "connect.failed"),
                ("reason", "too_many_clients"),
                ("url.path", "/orders/7"),
                ("http.response.status_code", "500"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    for (start, status) in [(&b"Internal Server Error: "[..], 500), (b"Service Unavailable: ", 503)] {
        if let Some(path) = message.strip_prefix(start) {
            event.path = text::word(path);
            event.status = status;
            event.kind = Kind::Error;
        }
    }
    if let Some(rest) = text::after(event.stack, b"django.db.utils.").or_else(|| text::after(message, b"django.db.utils.")) {
        let (class, tail) = text::before(rest, b":").zip(text::after(rest, b":")).unwrap_or((text::word(rest), b""));
        let reason = facts::refusal(tail);
        event.kind = if reason.is_empty() { Kind::Error } else { Kind::ConnectFailed };
        event.reason = reason;
        if event.error_type.is_empty() {
            event.error_type = class;
        }
        return true;
    }
    if let Some(rest) = message.strip_prefix(b"(")
        && let Some((seconds, rest)) = text::before(rest, b") ").zip(text::after(rest, b") "))
        && let Some(at) = memchr::memmem::rfind(rest, b"; args=")
        && let Some(duration) = num::scaled(seconds, 9)
    {
        event.kind = Kind::Query;
        event.duration_ns = duration;
        event.query = rest.get(..at).unwrap_or_default();
        return true;
    }
    event.status != 0 && event.kind == Kind::Error
}
