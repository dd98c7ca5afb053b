//! Python tracebacks: `  File "path", line N, in function`, outermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use crate::prim::{num, text};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Python, reversed: true, last_block: true, read };

/// Parts of paths that are the language's or a package's.
const LIBRARIES: &[&str] = &[
    "site-packages",
    "dist-packages",
    "/lib/python",
    "\\lib\\",
    "/python3.",
    "/sqlalchemy/",
    "/psycopg",
    "/django/",
    "/gunicorn/",
    "/uvicorn/",
    "/werkzeug/",
    "/flask/",
    "/celery/",
    "importlib/",
];

/// Exception groups draw a margin of `|` and `+`.
fn bare(line: &[u8]) -> &[u8] {
    let margin = line.iter().take_while(|b| matches!(b, b' ' | b'|' | b'+' | b'-')).count();
    match memchr::memrchr(b'|', line.get(..margin).unwrap_or_default()) {
        Some(at) => line.get(at + 1..).unwrap_or_default(),
        None => line,
    }
}

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    let line = bare(line).trim_ascii_start();
    if holds(line, &["Traceback (most recent call last)"]) {
        return Read::Break;
    }
    frame(line).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame(line: &[u8]) -> Option<(Frame<'_>, bool)> {
    let rest = line.strip_prefix(b"File \"")?;
    let file = text::before(rest, b"\", line ")?;
    let rest = rest.get(file.len() + 8..)?;
    let number = num::uint32(text::digits(rest))?;
    let function = text::after(rest, b", in ").unwrap_or(b"<module>").trim_ascii_end();
    let inner = function
        .rsplit(|b| *b == b'.')
        .find(|part| !part.starts_with(b"<"))
        .filter(|_| function.contains(&b'<') && function.contains(&b'.'));
    let generated = file.starts_with(b"<") && file != b"<stdin>";
    let library = generated || holds(file, LIBRARIES);
    let function = Cow::Borrowed(inner.unwrap_or(function));
    Some((Frame { language: Language::Python, function, file, line: number, library: false }, library))
}

/// The last line of the last traceback that is not indented: `pkg.Error: message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut found = None;
    let mut armed = false;
    for (line, _) in super::lines(text) {
        let line = bare(line);
        if holds(line, &["Traceback (most recent call last)"]) || line.trim_ascii_start().starts_with(b"File \"") {
            armed = true;
        } else if armed && line.first().is_some_and(u8::is_ascii_alphabetic)
            || (armed && line.starts_with(b" ") && !line.starts_with(b"  "))
        {
            let line = line.trim_ascii();
            if begins(line, &["The above exception", "During handling of"]) {
                continue;
            }
            if let Some(head) = head(line) {
                found = Some(head);
                armed = false;
            }
        }
    }
    found
}

fn head(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b':', line).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    let fine = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'<' | b'>'));
    fine.then(|| (name, rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn tracebacks_are_turned_round() {
        let text = "Traceback (most recent call last):\n  File \"/app/web.py\", line 12, in handle\n    render(x)\n  File \"/app/dao.py\", line 40, in render_invoice\n    c = pool.get()\n        ^^^^\n  File \"/venv/lib/python3.11/site-packages/sqlalchemy/pool/base.py\", line 9, in connect\n    return x\nsqlalchemy.exc.TimeoutError: QueuePool limit of size 5";
        assert_eq!(shown(text), ["render_invoice /app/dao.py:40", "handle /app/web.py:12"]);
        assert_eq!(thrown(text), "sqlalchemy.exc.TimeoutError|QueuePool limit of size 5");
    }

    #[test]
    fn the_last_traceback_is_what_was_raised() {
        let text = "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/app/b.py\", line 2, in g\napp.errors.Broken: y";
        assert_eq!(shown(text), ["g /app/b.py:2"]);
        assert_eq!(thrown(text), "app.errors.Broken|y");
    }

    #[test]
    fn stacks_without_a_head_and_groups_are_read() {
        assert_eq!(
            shown("  File \"/app/a.py\", line 1, in f\n    x()\n  File \"/app/b.py\", line 2, in C.g.<locals>.<lambda>"),
            ["g /app/b.py:2", "f /app/a.py:1"]
        );
        let group = "  + Exception Group Traceback (most recent call last):\n  |   File \"/app/a.py\", line 3, in main\n  | ExceptionGroup: many (2 sub-exceptions)";
        assert_eq!(shown(group), ["main /app/a.py:3"]);
        assert_eq!(thrown(group), "ExceptionGroup|many (2 sub-exceptions)");
    }
}
