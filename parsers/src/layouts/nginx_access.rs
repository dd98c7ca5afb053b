//! nginx access logs: `combined` and any other `log_format`, its columns found by their shapes.
//!
//! Source: nginx, "Module ngx_http_log_module" and "Module ngx_http_upstream_module", embedded variables.
//!
//! ```text
//! 203.0.113.7 - bob [20/Nov/2026:10:22:07 +0000] "GET /cart HTTP/1.1" 502 157 "-" "curl/8.5.0" rt=1.001 uct="0.000" ua="10.0.0.4:8080"
//! client        user  written at the end          request              status bytes referer agent request_time and other columns
//! ```
//!
//! Servers that write the same lines (Apache's combined, gunicorn, Traefik's common format) are read alike.

use crate::layout::{Inferred, Layout, LayoutSpec};
use crate::prim::access::columns::Columns;
use crate::prim::access::program::Program;
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "nginx_access",
    about: "access logs in nginx's combined or any other log_format, and what other servers write alike",
    spec: "nginx documentation, ngx_http_log_module, ngx_http_upstream_module",
    weight: 80,
    infer,
    examples: &[
        Example {
            line: r#"203.0.113.7 - bob [20/Nov/2026:10:21:25 +0100] "GET /b?q=1 HTTP/1.1" 499 0 "http://r/\x22x" "q\x22uo""#,
            shows: &[
                ("time", "2026-11-20T09:21:25Z"),
                ("kind", "lb.request"),
                ("client.address", "203.0.113.7"),
                ("http.request.method", "GET"),
                ("url.path", "/b?q=1"),
                ("http.response.status_code", "499"),
                ("http.response.size", "0"),
                ("user_agent.original", "q\\x22uo"),
                ("reason", "client_closed"),
            ],
        },
        Example {
            line: r#"203.0.113.7 - - [20/Nov/2026:10:22:07 +0000] "GET /hang HTTP/1.1" 504 157 "-" "curl/8.5.0" rt=1.001 uct="0.003, -" uht="-, -" urt="1.001, 0.000" ua="10.0.0.4:8080, 10.0.0.5:8080" us="504, 502" cs=MISS rid=89bd0c1f2a3b4c5d6e7f8091a2b3c4d5"#,
            shows: &[
                ("duration_ns", "1001000000"),
                ("connect_ns", "3000000"),
                ("server.address", "10.0.0.5"),
                ("server.port", "8080"),
                ("request.id", "89bd0c1f2a3b4c5d6e7f8091a2b3c4d5"),
            ],
        },
        Example {
            line: r#"203.0.113.7 - - [20/Nov/2026:10:22:07 +0000] "POST /pay HTTP/2.0" 200 12 "https://shop.example.com/" "Mozilla/5.0" 734 0.206 [prod-shop-80] [] 10.0.0.4:8080 12 0.205 200 7c1e0c52b1f04a6d"#,
            shows: &[
                ("duration_ns", "206000000"),
                ("lb.backend", "prod-shop-80"),
                ("server.address", "10.0.0.4"),
                ("request.id", "7c1e0c52b1f04a6d"),
            ],
        },
        Example {
            line: r#"203.0.113.7 - - [20/Nov/2026:13:38:04 +0000] "GET /birthday HTTP/2" 200 352 "-" "curl/8" 244 "shop@docker" "http://10.0.0.4:80" 42ms"#,
            shows: &[("lb.backend", "shop@docker"), ("server.address", "10.0.0.4"), ("duration_ns", "42000000")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let (columns, signs) = Columns::infer(sample)?;
    if signs.timeless == signs.lines {
        return None;
    }
    let reason = columns.show();
    Some(Inferred { layout: Box::new(columns), reason })
}

/// The reader of a `log_format` text (nginx's variables, or Apache's directives where it has a `%`); `None` where the text
/// has no variable that says what a request was.
pub(super) fn from_log_format(format: &str) -> Option<Box<dyn Layout>> {
    let program = if format.contains('$') { Program::nginx(format) } else { Program::apache(format) }?;
    Some(Box::new(program))
}
