//! V8 traces: `    at async Repo.find (file:///app/repo.js:12:7)`, innermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use crate::prim::text;
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::JavaScript, reversed: false, last_block: false, read };

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    let text = line.trim_ascii_start();
    if text.starts_with(b"[cause]: ") || text.starts_with(b"[errors]: ") || text.starts_with(b"Caused by: ") {
        return Read::Break;
    }
    frame(text).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame(line: &[u8]) -> Option<(Frame<'_>, bool)> {
    let mut call = line.strip_prefix(b"at ")?.trim_ascii_end();
    call = call.strip_suffix(b" {").unwrap_or(call);
    call = call.strip_prefix(b"async ").unwrap_or(call);
    call = call.strip_prefix(b"new ").unwrap_or(call);
    let (function, place) = match call.strip_suffix(b")").and_then(|c| Some((c, memchr::memmem::rfind(c, b" (")?))) {
        Some((inner, at)) => (inner.get(..at)?, inner.get(at + 2..)?),
        None => (&b""[..], call),
    };
    let function = text::before(function, b" [as ").unwrap_or(function);
    if matches!(place, b"<anonymous>" | b"native") || begins(place, &["index "]) {
        return (!function.is_empty()).then_some((
            Frame { language: Language::JavaScript, function: Cow::Borrowed(function), file: b"", line: 0, library: false },
            true,
        ));
    }
    let (rest, _column) = super::path_line(place)?;
    let (file, number) = super::path_line(rest)?;
    if file.is_empty()
        || file.contains(&b'(')
        || (function.is_empty() && memchr::memchr(b' ', file).is_some() && !file.starts_with(b"/"))
    {
        return None;
    }
    let file = file.strip_prefix(b"file://").unwrap_or(file);
    let file = file.strip_prefix(b"webpack:///").or_else(|| file.strip_prefix(b"webpack-internal:///")).unwrap_or(file);
    let library = begins(file, &["node:", "internal/", "native ", "eval at", "bun:", "deno:", "ext:"])
        || holds(file, &["node_modules/", "node_modules\\"])
        || (!holds(file, &["/", "\\", "."]));
    let function = function.strip_prefix(b"Object.").filter(|f| *f == b"<anonymous>").unwrap_or(function);
    let function = if function == b"<anonymous>" || function.is_empty() { &b"<anonymous>"[..] } else { function };
    Some((
        Frame { language: Language::JavaScript, function: Cow::Borrowed(function), file, line: number, library: false },
        library,
    ))
}

/// The line above the first call: `TypeError [CODE]: message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (line, _) in super::lines(text).take(64) {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"Uncaught ").unwrap_or(line);
        let end = memchr::memchr2(b':', b' ', line).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(end)?;
        let rest = match rest.strip_prefix(b" [") {
            Some(code) => text::after(code, b"]").unwrap_or_default(),
            None => rest,
        };
        let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
        let fine = crate::prim::jvm::throwable(last)
            && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
        if fine && (rest.is_empty() || rest.starts_with(b":")) {
            return Some((name, rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn v8_traces_are_read() {
        let text = "TypeError [ERR_X]: cannot read y\n    at Client.acquire (/app/node_modules/knex/lib/client.js:493:26)\n    at async Repo.find [as load] (file:///app/src/repo.js:12:7)\n    at /app/server.js:8:7\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n    at new Promise (<anonymous>)";
        assert_eq!(shown(text), ["Repo.find /app/src/repo.js:12", "<anonymous> /app/server.js:8"]);
        assert_eq!(thrown(text), "TypeError|cannot read y");
    }

    #[test]
    fn windows_paths_and_bundles_are_read() {
        assert_eq!(shown("    at f (C:\\app\\a.js:3:1)"), ["f C:\\app\\a.js:3"]);
        assert_eq!(shown("    at f (webpack:///src/a.ts:3:1)"), ["f src/a.ts:3"]);
        assert!(shown("    at Module._compile (internal/modules/cjs/loader.js:1:2)").is_empty());
    }
}
