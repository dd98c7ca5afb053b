//! A request that begins or ends inside the application, in whatever words its logger or framework uses.
//!
//! Sources: the access lines of morgan, gin, chi, echo, fiber, Rails, Phoenix, ASP.NET Core, Serilog, werkzeug, uvicorn,
//! tower-http and pino-http. A line that only mentions a request (`database error on GET /cart: …`) is not classified; it
//! keeps its kind and gains the method and the path.
//!
//! ```text
//! <-- 200 GET /products 3ms rid=a8160b        end: a status, a duration
//! --> GET /products?page=15 client=192.0.2.7  start: neither
//! ```

mod record;
mod text;

use crate::event::Event;
use crate::kind::Kind;
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "requests",
    about: "starts and ends of requests in application logs",
    spec: "access lines of web frameworks: morgan, gin, chi, Rails, Phoenix, ASP.NET Core, Serilog, tower-http, pino-http",
    needles: &[
        "GET ",
        "POST ",
        "PUT ",
        "DELETE ",
        "PATCH ",
        "HEAD ",
        "OPTIONS ",
        "Completed ",
        "Sent ",
        "Request finished",
        "processing request",
        "method",
        "Method",
    ],
    recognise: |event, _| {
        // `access_line`: the layout knows that the application tells the same request itself.
        if event.kind != Kind::Log || event.reason == b"access_line" {
            return false;
        }
        record::recognise(event) || text::recognise(event)
    },
    examples: &[
        Example {
            line: "--> GET /products?page=15 rid=a8160b client=192.0.2.7",
            shows: &[
                ("kind", "request.start"),
                ("http.request.method", "GET"),
                ("url.path", "/products?page=15"),
                ("client.address", "192.0.2.7"),
                ("http.response.status_code", ""),
            ],
        },
        Example {
            line: "<-- 200 GET /products 3ms rid=a8160b",
            shows: &[("kind", "request.end"), ("http.response.status_code", "200"), ("duration_ns", "3000000")],
        },
        Example {
            line: "GET /api/products/4344 -> 200 in 3 ms client=192.0.2.7",
            shows: &[("kind", "request.end"), ("duration_ns", "3000000"), ("client.address", "192.0.2.7")],
        },
        Example {
            line: "GET /availability?city=oslo 500 361ms request_id=d82a",
            shows: &[("kind", "request.end"), ("http.response.status_code", "500"), ("duration_ns", "361000000")],
        },
        Example {
            line: "Completed 200 OK in 12ms (Views: 5.1ms | ActiveRecord: 2.0ms)",
            shows: &[("kind", "request.end"), ("http.response.status_code", "200"), ("duration_ns", "12000000")],
        },
        Example {
            line: "Started GET \"/cart\" for 192.0.2.7 at 2026-11-20 10:00:00 +0000",
            shows: &[("kind", "request.start"), ("url.path", "/cart"), ("client.address", "192.0.2.7")],
        },
        Example {
            line: "Request finished HTTP/1.1 GET http://shop.example.com/cart?x=1 - 200 120 application/json 12.5ms",
            shows: &[("kind", "request.end"), ("url.path", "/cart?x=1"), ("duration_ns", "12500000")],
        },
        Example {
            line: "[GIN] 2026/11/20 - 10:15:20 | 404 |    1.5ms |      192.0.2.7 | GET      \"/nothing\"",
            shows: &[
                ("kind", "request.end"),
                ("http.response.status_code", "404"),
                ("client.address", "192.0.2.7"),
                ("duration_ns", "1500000"),
            ],
        },
        Example {
            line: "POST /api/checkout rejected with 409: cart is empty",
            shows: &[
                ("kind", "log"),
                ("http.request.method", "POST"),
                ("url.path", "/api/checkout"),
                ("http.response.status_code", ""),
            ],
        },
        Example {
            line: "database error on GET /hotels/88: server closed the connection unexpectedly",
            shows: &[("kind", "log"), ("url.path", "/hotels/88")],
        },
    ],
};

fn fill<'a>(slot: &mut &'a [u8], value: &'a [u8]) {
    if slot.is_empty() {
        *slot = value;
    }
}

/// The path of a request target: without scheme and authority.
fn path_of(target: &[u8]) -> &[u8] {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    match rest {
        Some(rest) => memchr::memchr(b'/', rest).and_then(|at| rest.get(at..)).unwrap_or(b"/"),
        None => target,
    }
}

fn is_method(word: &[u8]) -> bool {
    matches!(word, b"GET" | b"POST" | b"PUT" | b"DELETE" | b"PATCH" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"CONNECT")
}

/// A status code, 100 to 599.
fn status(word: &[u8]) -> Option<u16> {
    crate::prim::num::uint16(word).filter(|s| word.len() == 3 && *s >= 100 && *s < 600)
}

/// Puts an address with an optional port into the client's fields, where they are empty.
fn client<'a>(event: &mut Event<'a>, text: &'a [u8]) -> bool {
    // An IPv6 address without brackets has no port behind it.
    let groups = memchr::memchr_iter(b':', text).count();
    let six = groups == 7 || (groups > 1 && memchr::memmem::find(text, b"::").is_some());
    let whole = six && !text.starts_with(b"[") && crate::prim::net::is_address(text);
    let (host, port) = if whole { (text, 0) } else { crate::prim::net::host_port(text) };
    let known = crate::prim::net::is_address(host);
    if known && event.client.is_empty() {
        (event.client, event.client_port) = (host, port);
    }
    known
}

/// Takes over what a named value says: status, duration, client. `true` where it told a status or a duration.
fn note<'a>(event: &mut Event<'a>, name: &[u8], value: &'a [u8]) -> bool {
    match name {
        b"status" | b"status_code" | b"statusCode" | b"code" | b"http_status" | b"StatusCode" if event.status == 0 => {
            event.status = status(value).unwrap_or(0);
            event.status != 0
        }
        b"client" | b"client_ip" | b"ip" | b"remote" | b"remote_ip" | b"remote_addr" | b"addr" | b"peer" | b"fwd"
        | b"remoteAddress" => {
            client(event, value);
            false
        }
        b"duration"
        | b"took"
        | b"latency"
        | b"elapsed"
        | b"dur"
        | b"time"
        | b"duration_ms"
        | b"latency_ms"
        | b"elapsed_ms"
        | b"took_ms"
        | b"time_ms"
        | b"responseTime"
        | b"response_time_ms"
        | b"ms"
        | b"durationMs"
        | b"Elapsed"
        | b"ElapsedMilliseconds"
        | b"elapsedMs"
        | b"duration_s"
        | b"latency_s"
        | b"response_time"
        | b"durationNs"
        | b"duration_ns"
            if event.duration_ns < 0 =>
        {
            event.duration_ns = timed(name, value);
            event.duration_ns >= 0
        }
        _ => false,
    }
}

/// A duration with its unit in the value or in the name; a bare number of an unknown unit tells nothing.
fn timed(name: &[u8], value: &[u8]) -> i64 {
    use crate::prim::num;
    let own = num::duration(value);
    let named = || match name {
        b"responseTime" | b"ms" | b"Elapsed" | b"ElapsedMilliseconds" => num::scaled(value, 6),
        _ if name.ends_with(b"_ms") || name.ends_with(b"Ms") => num::scaled(value, 6),
        _ if name.ends_with(b"_ns") || name.ends_with(b"Ns") => num::scaled(value, 0),
        _ if name.ends_with(b"_s") => num::scaled(value, 9),
        _ => None,
    };
    own.or_else(named).unwrap_or(-1)
}
