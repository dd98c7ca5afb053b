//! Flask and werkzeug: a view's failure with its route, and the development server's requests.
//!
//! Source: `pallets/flask` `app.py` (`log_exception`), `pallets/werkzeug` `serving.py` (`WSGIRequestHandler.log`).
//!
//! ```text
//! Exception on /products/9 [GET]
//! 127.0.0.1 - - [20/Nov/2026 10:32:23] "GET /a?b=1 HTTP/1.1" 404 -
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, net, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "flask",
    about: "Flask's failures and werkzeug's requests",
    spec: "pallets/flask app.py log_exception; pallets/werkzeug serving.py",
    needles: &["Exception on /", " - - ["],
    recognise,
    examples: &[
        Example {
            line: "127.0.0.1 - - [20/Nov/2026 10:32:23] \"GET /a?b=1 HTTP/1.1\" 404 -",
            shows: &[
                ("kind", "request.end"),
                ("client.address", "127.0.0.1"),
                ("http.request.method", "GET"),
                ("url.path", "/a?b=1"),
                ("http.response.status_code", "404"),
            ],
        },
        Example {
            line: "Exception on /products/9 [GET]",
            shows: &[
                ("kind", "error"),
                ("url.path", "/products/9"),
                ("http.request.method", "GET"),
                ("http.response.status_code", "500"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if !matches!(event.kind, Kind::Log | Kind::Error) {
        return false;
    }
    if facts::flask_failure(event) {
        event.kind = Kind::Error;
        return true;
    }
    served(event).is_some()
}

fn served(event: &mut Event<'_>) -> Option<()> {
    let message = event.message;
    let client = text::before(message, b" - - [").filter(|c| net::is_address(c))?;
    let (method, rest) =
        text::before(text::after(message, b"] \"")?, b" ").zip(text::after(text::after(message, b"] \"")?, b" "))?;
    let path = text::before(rest, b" HTTP/")?;
    let status = num::uint16(text::digits(text::after(rest, b"\" ")?))?;
    event.kind = Kind::RequestEnd;
    (event.client, event.method, event.path, event.status) = (client, method, path, status);
    Some(())
}
