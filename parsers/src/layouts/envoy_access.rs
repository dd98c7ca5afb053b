//! Envoy's default text access log and Istio's.
//!
//! Source: Envoy documentation, "Access logging", "Default format string" and "Response flags"; Istio,
//! `pilot/pkg/networking/core` (default `accessLogFormat`).
//!
//! ```text
//! [2026-11-20T10:20:17.310Z] "POST /api HTTP/2" 503 UF 154 91 226 - "203.0.113.7" "curl/8.5.0" "cc21d9b0-…" "shop" "10.0.2.1:80"
//! start of the request       request            status flags; bytes in, out; ms; upstream ms; forwarded for, agent, id, host, upstream
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::access::columns::Columns;
use crate::reject::Reject;
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "envoy_access",
    about: "Envoy's default text access log and Istio's; the response flags are the reason",
    spec: "Envoy documentation, Access logging; Istio default access log format",
    weight: 88,
    infer: |sample: &Sample<'_>| {
        let (columns, _) = Columns::infer(sample)?;
        columns
            .envoy
            .then(|| Inferred { layout: Box::new(Envoy { columns }), reason: "[start] \"request\" status flags".into() })
    },
    examples: &[
        Example {
            line: r#"[2026-11-20T10:20:17.310Z] "POST /api HTTP/2" 503 UF,URX 154 91 226 - "203.0.113.7,10.0.0.2" "curl/8.5.0" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "shop" "tcp://10.0.2.1:80""#,
            shows: &[
                ("time", "2026-11-20T10:20:17.310Z"),
                ("kind", "lb.request"),
                ("client.address", "203.0.113.7"),
                ("http.response.status_code", "503"),
                ("http.response.size", "91"),
                ("duration_ns", "226000000"),
                ("request.id", "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2"),
                ("server.address", "10.0.2.1"),
                ("server.port", "80"),
                ("reason", "UF,URX"),
            ],
        },
        Example {
            line: r#"[2026-11-20T10:20:18.001Z] "GET /cart HTTP/1.1" 504 UT response_timeout - "-" 0 24 15000 - "-" "curl/8.5.0" "9a1c" "shop:8080" "10.0.2.1:8080" outbound|8080||shop.prod.svc.cluster.local 10.0.1.9:40002 10.0.3.3:8080 10.0.1.9:51000 - default"#,
            shows: &[
                ("http.response.status_code", "504"),
                ("duration_ns", "15000000000"),
                ("reason", "UT"),
                ("server.address", "10.0.2.1"),
                ("lb.backend", "outbound|8080||shop.prod.svc.cluster.local"),
            ],
        },
    ],
};

struct Envoy {
    columns: Columns,
}

impl Layout for Envoy {
    fn line(&self, line: &[u8]) -> Line {
        let start = line.first() == Some(&b'[') && self.columns.starts(line);
        if start { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        self.columns.read(record, arena, event)
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}
