//! Ruby traces: `app/models/x.rb:12:in 'Order#find'`, with `from` in front or not, innermost first.

use super::{Frame, Language, Read, Reader, holds};
use crate::prim::{num, text};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Ruby, reversed: false, last_block: false, read };

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    let indented = line.first().is_some_and(u8::is_ascii_whitespace);
    match frame(line.trim_ascii()) {
        Some((frame, library, head)) => {
            // A head in the middle of a trace begins the cause; there the reader stops, the caller has the site.
            let _ = (indented, head);
            Read::Call(frame, library)
        }
        None => Read::Other,
    }
}

/// A call; the last value says whether a message followed (then the line heads a trace).
fn frame(line: &[u8]) -> Option<(Frame<'_>, bool, bool)> {
    let line = line.strip_prefix(b"from ").unwrap_or(line);
    let at = memchr::memmem::find(line, b":in ")?;
    let (file, number) = super::path_line(line.get(..at)?)?;
    let rest = line.get(at + 4..)?;
    let rest = rest.strip_prefix(b"`").or_else(|| rest.strip_prefix(b"'"))?;
    let end = memchr::memchr(b'\'', rest)?;
    let name = rest.get(..end)?;
    let head = rest.get(end + 1..).is_some_and(|r| r.starts_with(b":"));
    (!file.is_empty() && number > 0 && memchr::memchr(b'"', file).is_none()).then_some(())?;
    let library = holds(file, &["/gems/", "/lib/ruby/", "/ruby/3", "/ruby/2", "<internal:", "/bundler/", "/vendor/bundle"])
        || file.starts_with(b"(");
    Some((
        Frame { language: Language::Ruby, function: Cow::Borrowed(plain(name)), file, line: number, library: false },
        library,
        head,
    ))
}

/// `block (2 levels) in find` → `find`; `rescue in`, `ensure in` likewise.
fn plain(name: &[u8]) -> &[u8] {
    let noise = [&b"block"[..], b"rescue", b"ensure"].iter().any(|word| name.starts_with(word));
    match memchr::memmem::rfind(name, b" in ") {
        Some(at) if noise => name.get(at + 4..).unwrap_or(name),
        _ => name,
    }
}

/// `file.rb:14:in 'f': message (Class)`, or `Class (message):` as Rails logs it, or `Class: message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let constant = |name: &[u8]| {
        name.first().is_some_and(u8::is_ascii_uppercase)
            && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_'))
    };
    super::lines(text).take(32).find_map(|(line, _)| {
        let line = line.trim_ascii();
        if let Some((_, _, true)) = frame(line) {
            let rest = text::after(line, b"': ")?;
            let body = rest.strip_suffix(b")")?;
            let at = memchr::memmem::rfind(body, b" (")?;
            return constant(body.get(at + 2..)?).then_some((body.get(at + 2..)?, body.get(..at)?));
        }
        if let Some(body) = line.strip_suffix(b"):").or_else(|| line.strip_suffix(b")")) {
            let at = memchr::memmem::find(body, b" (")?;
            return constant(body.get(..at)?).then_some((body.get(..at)?, body.get(at + 2..)?));
        }
        let at = memchr::memmem::find(line, b": ")?;
        let name = line.get(..at)?;
        (constant(name) && num::digits(name) == 0).then_some((name, line.get(at + 2..)?))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn both_quotes_are_read() {
        let text = "app/models/order.rb:14:in `block in find': no stock (Shop::Error)\n\tfrom /usr/lib/ruby/gems/3.1.0/gems/activerecord-6.1.7/lib/pool.rb:9:in `checkout'\n\tfrom app/controllers/orders.rb:6:in 'OrdersController#show'";
        assert_eq!(shown(text), ["find app/models/order.rb:14", "OrdersController#show app/controllers/orders.rb:6"]);
        assert_eq!(thrown(text), "Shop::Error|no stock");
    }

    #[test]
    fn rails_puts_the_class_first() {
        let text = "ActiveRecord::ConnectionTimeoutError (could not obtain a connection):\n\napp/models/x.rb:12:in `y'";
        assert_eq!(thrown(text), "ActiveRecord::ConnectionTimeoutError|could not obtain a connection");
        assert_eq!(shown(text), ["y app/models/x.rb:12"]);
    }
}
