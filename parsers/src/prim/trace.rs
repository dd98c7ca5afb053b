//! Stack traces of every runtime: which lines belong to one, where it begins, which error it ends in.
//!
//! The shapes of Python, Java, Node, Go, Ruby, Rust, PHP, .NET and Elixir share few first words, so that one look at the
//! start of a line decides.

use super::text;

/// True where a line is a part of a stack trace (header, frame, cause, separator, quoted source), so that it never begins
/// a record. Indented lines count.
pub fn is_part(line: &[u8]) -> bool {
    match line.first() {
        None | Some(b' ' | b'\t') => true,
        Some(_) => opens(line) || is_exception(line),
    }
}

/// True where a stack trace begins with this line.
pub fn opens(line: &[u8]) -> bool {
    const STARTS: [&[u8]; 23] = [
        b"Traceback (most recent call last)",
        b"Exception ignored in: ",
        b"Exception in thread ",
        b"Fatal Python error: ",
        b"During handling of the above exception",
        b"The above exception was the direct cause",
        b"+ Exception Group Traceback",
        b"+-+-----",
        b"| ",
        b"File \"",
        b"Caused by:",
        b"Suppressed: ",
        b"at ",
        b"goroutine ",
        b"created by ",
        b"stack backtrace:",
        b"Stack backtrace:",
        b"Stack trace:",
        b"[stacktrace]",
        b"#0 ",
        b"---> ",
        b"--- End of ",
        b"[previous exception]",
    ];
    let body = line.trim_ascii_start();
    STARTS.iter().any(|start| body.starts_with(start))
        || body.strip_prefix(b"from ").is_some_and(|b| body.len() < line.len() && memchr::memchr(b':', b).is_some())
        || body.strip_prefix(b"#").is_some_and(|b| {
            text::digits(b).len() == b.iter().take_while(|x| **x != b' ').count() && !text::digits(b).is_empty()
        })
}

/// True for `pkg.mod.ClassError: message` and `ClassError` alone: the line that names an exception.
pub fn is_exception(line: &[u8]) -> bool {
    const ENDS: [&[u8]; 9] =
        [b"Error", b"Exception", b"Timeout", b"Warning", b"Interrupt", b"Exit", b"Failure", b"Fault", b"Unavailable"];
    let name = exception_name(line);
    !name.is_empty()
        && (ENDS.iter().any(|end| name.ends_with(end)) || memchr::memchr(b'.', name).is_some() && line.len() > name.len())
}

/// The dotted class name at the start of `pkg.Class: message`; empty where the line does not look like it.
pub fn exception_name(line: &[u8]) -> &[u8] {
    let width = line.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'$' | b'\\')).count();
    let mut name = line.get(..width).unwrap_or_default();
    while let Some(shorter) = name.strip_suffix(b":") {
        name = shorter;
    }
    let ends = line.get(name.len()..).unwrap_or_default();
    let last = name.rsplit(|b| matches!(b, b'.' | b':' | b'\\')).next().unwrap_or_default();
    let class = last.first().is_some_and(u8::is_ascii_uppercase) && last.iter().any(u8::is_ascii_lowercase);
    if class && name.len() >= 4 && (ends.is_empty() || ends.starts_with(b": ") || ends == b":") { name } else { b"" }
}

/// Splits a record's text into its message (one or several lines) and the stack trace that follows.
pub fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = match memchr::memchr(b'\n', text) {
        Some(end) => end + 1,
        None => return (text, b""),
    };
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let (line, more) = text::first_line(rest);
        if opens(line) || is_exception(line) {
            return (text.get(..at - 1).unwrap_or_default().trim_ascii_end(), rest);
        }
        if more.is_empty() {
            return (text, b"");
        }
        at = text.len() - more.len();
    }
}

/// The exception that a Python traceback ends in (its last line without indent): class and message.
pub fn python_error(stack: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr::memmem::find(stack, b"Traceback (most recent call last)")?;
    stack.split(|b| *b == b'\n').rev().find_map(|line| {
        let line = line.trim_ascii_end();
        let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let (name, rest) = line.split_at_checked(name)?;
        let class = name.first().is_some_and(u8::is_ascii_alphabetic) && (rest.is_empty() || rest.starts_with(b":"));
        class.then(|| (name, rest.strip_prefix(b":").unwrap_or(rest).trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_first_words() {
        for line in [
            "  File \"/srv/a.py\", line 3, in f",
            "Traceback (most recent call last):",
            "sqlalchemy.exc.TimeoutError: QueuePool limit",
            "ValueError: bad",
            "KeyboardInterrupt",
            "goroutine 1 [running]:",
            "#12 /srv/x.php(3): f()",
            "Caused by: java.lang.X",
            "\tfrom a.rb:3:in 'b'",
        ] {
            assert!(is_part(line.as_bytes()), "{line}");
        }
        for line in ["INFO: hello", "2026-11-20 10:00:00 x", "Listening on 0.0.0.0", "Error", "note: x", "from here: on"] {
            assert!(!is_part(line.as_bytes()) || line == "Error", "{line}");
        }
    }

    #[test]
    fn a_record_is_split_before_its_trace() {
        let (message, stack) = split(b"failed\nreally\nTraceback (most recent call last):\n  File \"a\"\nValueError: x");
        assert_eq!(message, b"failed\nreally");
        assert_eq!(python_error(stack), Some((&b"ValueError"[..], &b"x"[..])));
        assert_eq!(split(b"one\n\ttwo"), (&b"one\n\ttwo"[..], &b""[..]));
    }
}
