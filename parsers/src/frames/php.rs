//! PHP traces: `#0 file(line): Class->method(arguments)`, innermost first. A frame's file and line are the caller's: the
//! function that is running there is the one on the next line.

use super::{Frame, Language, Read, Reader, holds};
use crate::prim::{num, text};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Php, reversed: false, last_block: false, read };

fn read<'a>(line: &'a [u8], rest: &'a [u8]) -> Read<'a> {
    let line = line.trim_ascii();
    if line.starts_with(b"Next ") || line.starts_with(b"[previous exception]") {
        return Read::Break;
    }
    frame(line, rest).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn numbered(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"#")?;
    let width = num::digits(rest);
    (width > 0).then_some(())?;
    rest.get(width..)?.strip_prefix(b" ")
}

fn frame<'a>(line: &'a [u8], rest: &'a [u8]) -> Option<(Frame<'a>, bool)> {
    let body = numbered(line)?;
    let at = memchr::memmem::find(body, b"): ")?;
    let place = body.get(..at)?;
    let open = memchr::memrchr(b'(', place)?;
    let number = num::uint32(place.get(open + 1..)?)?;
    let file = place.get(..open)?;
    let called = body.get(at + 3..)?;
    (memchr::memchr(b'(', called).is_some() && memchr::memchr3(b'/', b'\\', b'.', file).is_some()).then_some(())?;
    // Who runs in this file is named one line below; without one it is the file itself.
    let (next, _) = text::first_line(rest);
    let owner = numbered(next.trim_ascii()).and_then(|body| match memchr::memmem::find(body, b"): ") {
        Some(at) => body.get(at + 3..),
        None => body.strip_prefix(b"[internal function]: "),
    });
    let function =
        owner.map_or(&b"{main}"[..], |call| call.get(..memchr::memchr(b'(', call).unwrap_or(call.len())).unwrap_or(call));
    let library = holds(file, &["/vendor/", "\\vendor\\"]);
    Some((Frame { language: Language::Php, function: plain(function), file, line: number, library: false }, library))
}

/// `App\Http\{closure}` → `App\Http`; `Class->{closure}` → `Class`.
fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    let cut = memchr::memmem::find(name, b"{closure").map(|at| name.get(..at).unwrap_or_default());
    let cut =
        cut.map(|c| c.strip_suffix(b"->").or_else(|| c.strip_suffix(b"::")).or_else(|| c.strip_suffix(b"\\")).unwrap_or(c));
    Cow::Borrowed(cut.filter(|c| !c.is_empty()).unwrap_or(name))
}

/// `Uncaught Class: message in file:line`, or Laravel's `[object] (Class(code: 0): message at file:line)`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let class = |name: &[u8]| {
        !name.is_empty()
            && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'\\' | b'_'))
            && name.iter().any(u8::is_ascii_uppercase)
    };
    if let Some(rest) = text::after(text, b"[object] (") {
        let name = rest.get(..memchr::memmem::find(rest, b"(code: ")?)?;
        let message = text::after(rest, b"): ")?;
        let end = memchr::memmem::find(message, b" at /").unwrap_or(memchr::memchr(b'\n', message).unwrap_or(message.len()));
        return class(name).then_some((name, message.get(..end)?));
    }
    let rest = text::after(text, b"Uncaught ").unwrap_or(text);
    let (line, _) = text::first_line(rest);
    let at = memchr::memmem::find(line, b": ")?;
    let name = line.get(..at)?;
    let message = line.get(at + 2..)?;
    let message = memchr::memmem::rfind(message, b" in /").and_then(|end| message.get(..end)).unwrap_or(message);
    (class(name) && (crate::prim::jvm::throwable(name) || rest.len() < text.len())).then_some((name, message))
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn a_place_belongs_to_the_function_below() {
        let text = "PHP Fatal error:  Uncaught PDOException: SQLSTATE[08004] in /app/src/Db.php:12\nStack trace:\n#0 /app/src/Db.php(12): PDO->__construct('x')\n#1 /app/src/Orders.php(31): Shop\\Db->connect()\n#2 /app/vendor/laravel/x.php(9): Shop\\Orders->{closure}()\n#3 {main}\n  thrown in /app/src/Db.php on line 12";
        assert_eq!(shown(text), ["Shop\\Db->connect /app/src/Db.php:12", "Shop\\Orders /app/src/Orders.php:31"]);
        assert_eq!(thrown(text), "PDOException|SQLSTATE[08004]");
    }

    #[test]
    fn the_script_itself_is_main() {
        assert_eq!(shown("#0 /app/index.php(3): f()\n#1 {main}"), ["{main} /app/index.php:3"]);
    }
}
