//! Apache httpd access logs: `common`, `combined`, `vhost_combined`, each with further columns such as `%D` behind it.
//!
//! Source: Apache HTTP Server, "Module mod_log_config", "Custom Log Formats".
//!
//! ```text
//! shop.example.com:443 203.0.113.7 - bob [20/Nov/2026:10:23:40 +0000] "GET / HTTP/1.1" 304 - "-" "curl/8.5.0" 1512
//! %v:%p                %h            %u  %t, the request's arrival     %r               %>s %b Referer  User-Agent  %D, µs
//! ```
//!
//! Claimed only where a line has what Apache alone writes: `-` for no bytes, `\"`, `\xhh` in lower case, a virtual host with
//! its port, the bare common format. Otherwise `nginx_access` reads the lines the same way.

use crate::layout::{Inferred, LayoutSpec};
use crate::prim::access::columns::Columns;
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "apache_access",
    about: "Apache's common, combined and vhost_combined access logs, with or without further columns",
    spec: "Apache HTTP Server documentation, mod_log_config",
    weight: 82,
    infer,
    examples: &[
        Example {
            line: r#"203.0.113.7 - - [20/Nov/2026:10:23:40 +0000] "GET /p?x=1 HTTP/1.1" 304 - "-" "q\"u\\te \xc3\xbc""#,
            shows: &[
                ("time", "2026-11-20T10:23:40Z"),
                ("kind", "lb.request"),
                ("client.address", "203.0.113.7"),
                ("url.path", "/p?x=1"),
                ("http.response.status_code", "304"),
                ("http.response.size", ""),
                ("user_agent.original", "q\\\"u\\\\te \\xc3\\xbc"),
            ],
        },
        Example {
            line: r#"shop.example.com:443 203.0.113.7 1j0vhgd jo smith [20/Nov/2026:00:01:26 -0700] "GET /board HTTP/2.0" 200 17163 "-" "Mozilla/5.0" 116075"#,
            shows: &[
                ("client.address", "203.0.113.7"),
                ("duration_ns", "116075000"),
                ("http.response.size", "17163"),
                ("user_agent.original", "Mozilla/5.0"),
            ],
        },
        Example {
            line: r#"203.0.113.7 - - "GET /p HTTP/1.1" 200 117"#,
            shows: &[("time", ""), ("url.path", "/p"), ("http.response.status_code", "200")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let (mut columns, signs) = Columns::infer(sample)?;
    if signs.apache <= signs.nginx {
        return None;
    }
    columns.stamp_is_start = true;
    let reason = format!("{}, written as Apache writes them", columns.show());
    Some(Inferred { layout: Box::new(columns), reason })
}
