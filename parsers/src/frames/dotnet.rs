//! .NET traces: `   at Ns.Class.Method(Type arg) in /src/File.cs:line 12`, innermost first.

use super::{Frame, Language, Read, Reader, begins};
use crate::prim::{num, text};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::DotNet, reversed: false, last_block: false, read };

const LIBRARIES: &[&str] = &[
    "System.",
    "Microsoft.",
    "Npgsql.",
    "MySql.",
    "MySqlConnector.",
    "Oracle.",
    "Dapper.",
    "MongoDB.",
    "StackExchange.",
    "Newtonsoft.",
    "Serilog.",
    "NLog.",
    "Polly.",
    "MediatR.",
    "AutoMapper.",
    "Castle.",
    "Autofac.",
    "Hangfire.",
    "MassTransit.",
    "Grpc.",
    "NHibernate.",
    "Swashbuckle.",
    "FluentValidation.",
    "OpenTelemetry.",
    "RabbitMQ.",
    "Confluent.",
];

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    let text = line.trim_ascii();
    if text.starts_with(b"--- End of inner exception stack trace") {
        return Read::Break;
    }
    let indented = text.len() < line.len() && line.first().is_some_and(u8::is_ascii_whitespace);
    match frame(text) {
        Some((frame, library)) if indented || !frame.file.is_empty() => Read::Call(frame, library),
        _ => Read::Other,
    }
}

fn frame(line: &[u8]) -> Option<(Frame<'_>, bool)> {
    let call = line.strip_prefix(b"at ")?;
    let (call, place) = match memchr::memmem::rfind(call, b") in ") {
        Some(at) => (call.get(..=at)?, call.get(at + 5..)?),
        None => (call, &b""[..]),
    };
    call.ends_with(b")").then_some(())?;
    let name = call.get(..memchr::memchr(b'(', call)?)?;
    let fine = memchr::memchr(b'.', name).is_some() && !name.starts_with(b".") && memchr::memchr(b' ', name).is_none();
    fine.then_some(())?;
    let (file, number) = match memchr::memmem::rfind(place, b":line ") {
        Some(at) => (place.get(..at)?, num::uint32(place.get(at + 6..)?).unwrap_or(0)),
        None => (place, 0),
    };
    let library = begins(name, LIBRARIES);
    Some((Frame { language: Language::DotNet, function: plain(name), file, line: number, library: false }, library))
}

/// `Ns.Repo.<Load>d__3.MoveNext` → `Ns.Repo.Load`; `Ns.Repo.<>c.<Load>b__0_1` and `<>c__DisplayClass2_0` likewise; arity
/// marks go.
fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'<', b'`', name).is_none() && memchr::memchr(b'[', name).is_none() {
        return Cow::Borrowed(name);
    }
    let mut out: Vec<u8> = Vec::with_capacity(name.len());
    let state_machine = name.ends_with(b".MoveNext");
    for part in name.split(|b| *b == b'.') {
        let inner = text::between(part, b"<", b">").filter(|n| !n.is_empty());
        // Nested types are joined by `+` in some versions.
        let part = part.split(|b| matches!(b, b'`' | b'[')).next().unwrap_or(part);
        let part = match inner {
            Some(inner) => inner,
            None if part.starts_with(b"<>") || part.is_empty() || (state_machine && part == b"MoveNext") => continue,
            None => part,
        };
        if !out.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(part.split(|b| *b == b'|').next().unwrap_or(part));
    }
    Cow::Owned(out)
}

/// `Ns.SomeException (0x80004005): message`, perhaps behind text and with ` ---> ` inner exceptions.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    super::lines(text).take(64).find_map(|(line, _)| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"Unhandled exception. ").or_else(|| line.strip_prefix(b"---> ")).unwrap_or(line);
        let end = memchr::memchr2(b':', b' ', line).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(end)?;
        let rest = match rest.strip_prefix(b" (") {
            Some(code) => text::after(code, b")").unwrap_or_default(),
            None => rest,
        };
        let fine =
            crate::prim::jvm::is_dotted(name) && name.ends_with(b"Exception") && (rest.is_empty() || rest.starts_with(b":"));
        fine.then(|| {
            let message = rest.strip_prefix(b": ").unwrap_or_default();
            (name, text::before(message, b" ---> ").unwrap_or(message))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn async_names_are_made_plain() {
        let text = "Npgsql.NpgsqlException (0x80004005): The connection pool has been exhausted ---> System.TimeoutException: x\n   at Npgsql.PoolingDataSource.Get(NpgsqlConnection c)\n   at Shop.Data.OrderRepo.<Load>d__3.MoveNext() in /src/Data/OrderRepo.cs:line 41\n--- End of stack trace from previous location ---\n   at Shop.Web.OrdersController.<>c.<Get>b__0_1(Int32 id) in C:\\src\\Orders.cs:line 12\n   at System.Threading.Thread.Start()";
        assert_eq!(
            shown(text),
            ["Shop.Data.OrderRepo.Load /src/Data/OrderRepo.cs:41", "Shop.Web.OrdersController.Get C:\\src\\Orders.cs:12"]
        );
        assert_eq!(thrown(text), "Npgsql.NpgsqlException|The connection pool has been exhausted");
    }

    #[test]
    fn frames_without_a_file_are_calls_too() {
        assert_eq!(shown("   at Shop.Cache`1.Get[T](String key)"), ["Shop.Cache.Get :0"]);
    }
}
