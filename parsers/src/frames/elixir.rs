//! Elixir traces: `    (shop 1.2.3) lib/shop/x.ex:12: Shop.X.fun/1`, innermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Elixir, reversed: false, last_block: false, read };

/// Applications of the language and of the common frameworks; the application's own version is in brackets like theirs.
const LIBRARIES: &[&str] = &[
    "stdlib",
    "kernel",
    "elixir",
    "ecto",
    "ecto_sql",
    "db_connection",
    "postgrex",
    "myxql",
    "phoenix",
    "phoenix_live_view",
    "plug",
    "plug_cowboy",
    "cowboy",
    "bandit",
    "thousand_island",
    "telemetry",
    "logger",
    "mix",
    "ex_unit",
    "oban",
    "finch",
    "mint",
    "absinthe",
    "gen_stage",
    "broadway",
    "quantum",
    "poolboy",
    "nimble_pool",
    "ranch",
    "tesla",
    "hackney",
    "erts",
    "iex",
];

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    frame(line).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame(line: &[u8]) -> Option<(Frame<'_>, bool)> {
    let text = line.trim_ascii();
    (text.len() < line.len()).then_some(())?;
    let (app, rest) = match text.strip_prefix(b"(") {
        Some(inner) => {
            let end = memchr::memchr(b')', inner)?;
            (inner.get(..end)?, inner.get(end + 1..)?.trim_ascii_start())
        }
        None => (&b""[..], text),
    };
    let at = memchr::memmem::find(rest, b": ")?;
    let (file, number) = super::path_line(rest.get(..at)?)?;
    [&b".ex"[..], b".exs", b".erl", b".eex", b".heex"].iter().any(|tail| file.ends_with(tail)).then_some(())?;
    let name = rest.get(at + 2..)?;
    let app = app.split(|b| *b == b' ').next().unwrap_or_default();
    let library = LIBRARIES.iter().any(|l| l.as_bytes() == app) || begins(file, &["deps/"]) || holds(file, &["/deps/"]);
    let function = Cow::Borrowed(plain(name));
    Some((Frame { language: Language::Elixir, function, file, line: number, library: false }, library))
}

/// `anonymous fn/1 in Shop.X.fun/2` → `Shop.X.fun/2`.
fn plain(name: &[u8]) -> &[u8] {
    match memchr::memmem::rfind(name, b" in ") {
        Some(at) => name.get(at + 4..).unwrap_or(name),
        None => name,
    }
}

/// `** (DBConnection.ConnectionError) message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = crate::prim::text::after(text, b"** (")?;
    let (line, _) = crate::prim::text::first_line(rest);
    let end = memchr::memchr(b')', line)?;
    Some((line.get(..end)?, line.get(end + 1..)?.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn applications_are_told_from_libraries() {
        let text = "** (DBConnection.ConnectionError) connection not available\n    (db_connection 2.4.0) lib/db_connection.ex:84: DBConnection.checkout/2\n    (shop 0.1.0) lib/shop/orders.ex:12: anonymous fn/1 in Shop.Orders.load/2\n    (stdlib 4.0) gen_server.erl:1123: :gen_server.try_dispatch/4";
        assert_eq!(shown(text), ["Shop.Orders.load/2 lib/shop/orders.ex:12"]);
        assert_eq!(thrown(text), "DBConnection.ConnectionError|connection not available");
    }
}
