//! What varies in a message, replaced by what it is: `took 12 ms` and `took 7 ms` are the same message.

/// Longest quoted text that is taken for a value.
const QUOTED: usize = 300;
const TIME_UNITS: [&[u8]; 14] =
    [b"ns", b"us", "µs".as_bytes(), b"ms", b"s", b"sec", b"secs", b"seconds", b"m", b"min", b"h", b"d", b"millis", b"msec"];

/// Appends the first line of a message to `out` with its variable parts replaced by `<NUM>`, `<UUID>` and the like.
pub fn mask(message: &[u8], out: &mut Vec<u8>) {
    let line = message.split(|b| matches!(b, b'\n' | b'\r')).find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        if let Some(end) = quoted(line, at) {
            out.extend_from_slice(b"<STR>");
            at = end;
        } else if divides(*byte) {
            out.push(*byte);
            at += 1;
        } else {
            let rest = line.get(at..).unwrap_or_default();
            let end = rest.iter().position(|b| divides(*b)).unwrap_or(rest.len());
            let word_alone = rest.get(..end).unwrap_or_default();
            let locates = word_alone.starts_with(b"/") || memchr::memmem::find(word_alone, b"://").is_some();
            // A query belongs to its address.
            let end =
                if locates { rest.iter().position(|b| divides(*b) && !b"=,;".contains(b)).unwrap_or(rest.len()) } else { end };
            word(rest.get(..end).unwrap_or_default(), out);
            at += end;
        }
    }
}

/// Between words, for masking.
fn divides(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`=,;()[]{}<>|".contains(&byte)
}

/// The end of the quoted text that begins at `at`. An apostrophe inside a word begins none.
fn quoted(line: &[u8], at: usize) -> Option<usize> {
    let quote = *line.get(at).filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    if at.checked_sub(1).and_then(|before| line.get(before)).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut end = at + 1;
    while end - at <= QUOTED {
        match line.get(end)? {
            b'\\' => end += 1,
            b if *b == quote => {
                let closed = !line.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
                return closed.then_some(end + 1);
            }
            _ => {}
        }
        end += 1;
    }
    None
}

/// A word, without the punctuation that ends it.
fn word(word: &[u8], out: &mut Vec<u8>) {
    let kept = word.len() - word.iter().rev().take_while(|b| b".:!?".contains(b)).count();
    let (core, tail) = word.split_at(kept);
    match whole(core) {
        Some(name) => out.extend_from_slice(name),
        None => parts(core, out),
    }
    out.extend_from_slice(tail);
}

/// What a word is as a whole.
fn whole(word: &[u8]) -> Option<&'static [u8]> {
    if !word.iter().any(|b| b.is_ascii_digit() || *b == b'/') {
        return None;
    }
    let hex = |w: &[u8]| !w.is_empty() && w.iter().all(u8::is_ascii_hexdigit);
    let has = |test: fn(&u8) -> bool| word.iter().any(test);
    if memchr::memmem::find(word, b"://").is_some() {
        Some(b"<URL>")
    } else if word.starts_with(b"/") && word.iter().filter(|b| **b == b'/').count() >= 2 {
        Some(b"<PATH>")
    } else if word.len() == 36
        && word.split(|b| *b == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12])
        && word.split(|b| *b == b'-').all(hex)
    {
        Some(b"<UUID>")
    } else if is_ip(word) {
        Some(b"<IP>")
    } else if is_time(word) {
        Some(b"<TIME>")
    } else if word.strip_prefix(b"0x").is_some_and(hex)
        || (word.len() >= 6 && hex(word) && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic))
    {
        Some(b"<HEX>")
    } else if is_host(word) {
        Some(b"<HOST>")
    } else {
        is_duration(word).then_some(b"<DUR>")
    }
}

fn digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// A name or address without its port.
fn without_port(word: &[u8]) -> (&[u8], bool) {
    match memchr::memrchr(b':', word).and_then(|at| word.get(..at).zip(word.get(at + 1..))) {
        Some((name, port)) if digits(port) => (name, true),
        _ => (word, false),
    }
}

fn is_ip(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"/").unwrap_or(word);
    let (four, _) = without_port(word);
    let octets = || four.split(|b| *b == b'.');
    if octets().count() == 4 && octets().all(|o| digits(o) && o.len() <= 3) {
        return true;
    }
    let groups = || word.split(|b| *b == b':');
    let six = groups().all(|g| g.len() <= 4 && g.iter().all(u8::is_ascii_hexdigit));
    six && (groups().count() == 8 || (memchr::memmem::find(word, b"::").is_some() && (3..9).contains(&groups().count())))
}

/// A time of day, a date, or both.
fn is_time(word: &[u8]) -> bool {
    let fits = |pattern: &[u8], text: &[u8]| {
        pattern.len() == text.len()
            && pattern.iter().zip(text).all(|(p, b)| if *p == b'9' { b.is_ascii_digit() } else { p == b })
    };
    let clock = |text: &[u8]| {
        let text = text.strip_suffix(b"Z").unwrap_or(text);
        let zone = text.iter().rposition(|b| matches!(b, b'+' | b'-')).and_then(|at| text.get(..at)).unwrap_or(text);
        let (whole, fraction) = match zone.iter().position(|b| matches!(b, b'.' | b',')) {
            Some(at) => (zone.get(..at).unwrap_or_default(), zone.get(at + 1..).unwrap_or_default()),
            None => (zone, b"0".as_slice()),
        };
        digits(fraction) && [b"99:99:99".as_slice(), b"9:99:99", b"99:99", b"9:99"].iter().any(|p| fits(p, whole))
    };
    let date = |text: &[u8]| [b"9999-99-99".as_slice(), b"9999/99/99", b"99/99/9999"].iter().any(|p| fits(p, text));
    match word.split_at_checked(10) {
        Some((day, rest)) if date(day) => rest.is_empty() || rest.strip_prefix(b"T").is_some_and(clock),
        _ => clock(word),
    }
}

/// A name in small letters with several dots and a digit or a port: packages and classes have none.
fn is_host(word: &[u8]) -> bool {
    let (name, port) = without_port(word);
    let labels = || name.split(|b| *b == b'.');
    labels().count() >= 3
        && labels().all(|l| {
            !l.is_empty() && l.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
        })
        && name.iter().any(u8::is_ascii_alphabetic)
        && (port || name.iter().any(u8::is_ascii_digit))
}

fn is_duration(word: &[u8]) -> bool {
    let number = number(word, 0);
    number > 0 && TIME_UNITS.contains(&word.get(number..).unwrap_or_default())
}

/// The end of the number, with its fraction, that begins at `at`.
fn number(word: &[u8], at: usize) -> usize {
    let run = |from: usize| from + word.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let end = run(at);
    match word.get(end) {
        Some(b'.' | b',') if end > at && run(end + 1) > end + 1 => run(end + 1),
        _ => end,
    }
}

/// The numbers inside a word, with their signs where they begin it.
fn parts(word: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = word.get(at) {
        let signed = at == 0 && matches!(byte, b'+' | b'-') && word.get(1).is_some_and(u8::is_ascii_digit);
        let end = number(word, at + usize::from(signed));
        if end > at + usize::from(signed) {
            out.extend_from_slice(b"<NUM>");
            at = end;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    fn masked(text: &str) -> String {
        let mut out = Vec::new();
        super::mask(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_become_what_they_are() {
        for (text, expected) in [
            ("took 12 ms, 3.5s or -7", "took <NUM> ms, <DUR> or <NUM>"),
            ("user=42 ip=10.0.0.7:5432 id=6ba7b810-9dad-11d1-80b4-00c04fd430c8.", "user=<NUM> ip=<IP> id=<UUID>."),
            ("at /var/lib/pg/base/1: see https://x.org/a?b=1&c=x,y", "at <PATH>: see <URL>"),
            ("relation \"orders\" doesn't exist, it's 'gone'", "relation <STR> doesn't exist, it's <STR>"),
            ("ptr 0x7f3a commit 9fceb02d blk_-1608", "ptr <HEX> commit <HEX> blk_-<NUM>"),
            ("2023-08-10T12:00:01.5Z 10:31:07.123 from ::1", "<TIME> <TIME> from <IP>"),
            ("com.acme.v2.OrderDao.load db-1.prod.local proxy.cse.hk:5070", "com.acme.v<NUM>.OrderDao.load <HOST> <HOST>"),
            ("pool-1-thread-7 conn42", "pool-<NUM>-thread-<NUM> conn<NUM>"),
            ("\n first line\nsecond", " first line"),
            ("deadbeef facade POST /api 'open", "deadbeef facade POST /api 'open"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}
