//! Stack traces of every language to frames: which function of the application a record names.
//!
//! A frame borrows from the text; only names that carry a compiler's noise (`lambda$redeem$0`, `<Load>d__3.MoveNext`)
//! are written anew. Frames come innermost first whatever the direction of the trace.

mod dotnet;
mod elixir;
mod go;
mod java;
mod js;
mod php;
mod python;
mod ruby;
mod rust;

use std::borrow::Cow;

/// The language of a stack trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Java, Kotlin, Scala, Groovy, Clojure: anything on a JVM.
    Java,
    /// Python.
    Python,
    /// JavaScript and TypeScript on V8.
    JavaScript,
    /// Go.
    Go,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// C#, F#, Visual Basic.
    DotNet,
    /// Rust.
    Rust,
    /// Elixir and Erlang.
    Elixir,
}

impl Language {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Language::Java => "java",
            Language::Python => "python",
            Language::JavaScript => "javascript",
            Language::Go => "go",
            Language::Ruby => "ruby",
            Language::Php => "php",
            Language::DotNet => "dotnet",
            Language::Rust => "rust",
            Language::Elixir => "elixir",
        }
    }
}

/// One call of a stack trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The language.
    pub language: Language,
    /// The function with its class or module as the language writes it: `io.acme.CouponDao.redeem`, `render_invoice`.
    pub function: Cow<'a, [u8]>,
    /// The file as the trace writes it; empty where it does not.
    pub file: &'a [u8],
    /// The line, 0 unknown.
    pub line: u32,
    /// The code belongs to a library, the language or a framework, or was generated.
    pub library: bool,
}

/// What counts as the application's own code: prefixes of functions or paths.
#[derive(Debug, Clone, Default)]
pub struct InApp {
    /// Code that is the application's, whatever the built-in lists say.
    pub include: Vec<String>,
    /// Code that is not.
    pub exclude: Vec<String>,
}

impl InApp {
    /// Is a frame of a library? The longest matching prefix decides, without one the language's own rules.
    fn library(&self, frame: &Frame<'_>, default: bool) -> bool {
        let matched = |prefixes: &[String]| {
            let hits =
                |p: &&String| !p.is_empty() && (frame.function.starts_with(p.as_bytes()) || in_path(frame.file, p.as_bytes()));
            prefixes.iter().filter(hits).map(String::len).max()
        };
        match (matched(&self.include), matched(&self.exclude)) {
            (None, None) => default,
            (include, exclude) => exclude > include,
        }
    }
}

/// A path begins with the prefix, or holds it behind a `/`.
fn in_path(path: &[u8], prefix: &[u8]) -> bool {
    path.starts_with(prefix)
        || memchr::memmem::find_iter(path, prefix).any(|at| at > 0 && matches!(path.get(at - 1), Some(b'/' | b'\\')))
}

/// What one line (or pair of lines) of a trace is to its language.
enum Read<'a> {
    /// A call; the flag says whether the language's own rules put it into a library.
    Call(Frame<'a>, bool),
    /// Something inside the trace that is no call.
    Other,
    /// A new block begins: a cause, another goroutine, another traceback.
    Break,
}

/// How one language's traces are read.
struct Reader {
    language: Language,
    /// The trace lists the outermost call first.
    reversed: bool,
    /// Of several blocks the last one is the trace of what was raised in the end.
    last_block: bool,
    /// Reads a line; the lines that follow it are given too.
    read: for<'a> fn(line: &'a [u8], rest: &'a [u8]) -> Read<'a>,
}

/// In the order in which they are asked: the most particular shapes first.
static READERS: [&Reader; 9] = [
    &python::READER,
    &java::READER,
    &js::READER,
    &php::READER,
    &rust::READER,
    &go::READER,
    &elixir::READER,
    &ruby::READER,
    &dotnet::READER,
];

/// More frames of one trace than this are not looked at: a stack overflow repeats itself.
const MOST_FRAMES: usize = 2048;

fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
    })
}

/// The language of the first call in a text.
fn reader(text: &[u8]) -> Option<&'static Reader> {
    lines(text).find_map(|(line, rest)| READERS.into_iter().find(|r| matches!((r.read)(line, rest), Read::Call(..))))
}

/// The language of a stack trace; `None` where the text holds no call.
pub fn language(text: &[u8]) -> Option<Language> {
    reader(text).map(|r| r.language)
}

/// The frames of the trace that tells where the record was made: of a JVM trace the first block (a `Caused by` tells why,
/// not where), of a Python traceback the last. Innermost first, libraries included.
pub fn frames<'a>(text: &'a [u8], rules: &InApp) -> Vec<Frame<'a>> {
    let mut best = Vec::new();
    for block in blocks(text, rules) {
        if best.is_empty() || (!has_application(&best) && has_application(&block)) {
            best = block;
        }
    }
    best
}

fn has_application(frames: &[Frame<'_>]) -> bool {
    frames.iter().any(|f| !f.library)
}

/// Every block of a trace, the one that tells where first; frames innermost first.
fn blocks<'a>(text: &'a [u8], rules: &InApp) -> Vec<Vec<Frame<'a>>> {
    let Some(reader) = reader(text) else { return Vec::new() };
    let mut blocks = vec![Vec::new()];
    let mut count = 0;
    for (line, rest) in lines(text) {
        match (reader.read)(line, rest) {
            Read::Call(mut frame, library) => {
                count += 1;
                if count > MOST_FRAMES {
                    break;
                }
                frame.library = rules.library(&frame, library);
                if let Some(block) = blocks.last_mut() {
                    block.push(frame);
                }
            }
            Read::Break => blocks.push(Vec::new()),
            Read::Other => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    if reader.reversed {
        for block in &mut blocks {
            block.reverse();
        }
    }
    if reader.last_block {
        blocks.reverse();
    }
    blocks
}

/// The application's frames, innermost first, at most `limit`: the first is the call site.
pub fn application_frames<'a>(text: &'a [u8], rules: &InApp, limit: usize) -> Vec<Frame<'a>> {
    let mut frames = frames(text, rules);
    frames.retain(|frame| !frame.library);
    frames.truncate(limit);
    frames
}

/// The type and message of the exception that heads a trace: `java.sql.SQLException`, `sqlalchemy.exc.TimeoutError`,
/// `TypeError`, `panic`. The message is its first line.
pub fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let found = match reader(text).map(|r| r.language) {
        Some(Language::Python) => python::exception(text),
        Some(Language::Go) => go::exception(text),
        Some(Language::Ruby) => ruby::exception(text),
        Some(Language::Rust) => rust::exception(text),
        Some(Language::Php) => php::exception(text),
        Some(Language::Elixir) => elixir::exception(text),
        Some(Language::JavaScript) => js::exception(text),
        Some(Language::DotNet) => dotnet::exception(text),
        Some(Language::Java) | None => None,
    };
    found
        .or_else(|| java::exception(text))
        .or_else(|| python::exception(text))
        .or_else(|| php::exception(text))
        .or_else(|| go::exception(text))
}

/// Is one of `prefixes` at the start of `text`?
fn begins(text: &[u8], prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix.as_bytes()))
}

/// Does `text` hold one of `parts`?
fn holds(text: &[u8], parts: &[&str]) -> bool {
    parts.iter().any(|part| memchr::memmem::find(text, part.as_bytes()).is_some())
}

/// Splits `path:line` at the last colon that has digits behind it.
fn path_line(text: &[u8]) -> Option<(&[u8], u32)> {
    let at = memchr::memrchr(b':', text)?;
    let line = crate::prim::num::uint32(text.get(at + 1..)?)?;
    Some((text.get(..at)?, line))
}

/// A trace's expected application frames as `function file:line`, for the tables of tests.
#[cfg(test)]
fn shown(text: &str) -> Vec<String> {
    let frames = application_frames(text.as_bytes(), &InApp::default(), 9);
    let show =
        |f: &Frame<'_>| format!("{} {}:{}", String::from_utf8_lossy(&f.function), String::from_utf8_lossy(f.file), f.line);
    frames.iter().map(show).collect()
}

/// The exception as `type|message`, for the tables of tests.
#[cfg(test)]
fn thrown(text: &str) -> String {
    exception(text.as_bytes())
        .map(|(kind, message)| format!("{}|{}", String::from_utf8_lossy(kind), String::from_utf8_lossy(message)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn users_decide_what_is_theirs() {
        let text = b"\tat org.apache.acme.A.f(A.java:1)\n\tat com.shop.B.g(B.java:2)";
        let names = |rules: &InApp| application_frames(text, rules, 9).iter().map(|f| f.line).collect::<Vec<_>>();
        assert_eq!(names(&InApp::default()), [2]);
        assert_eq!(names(&InApp { include: vec!["org.apache.acme.".into()], exclude: vec![] }), [1, 2]);
        assert_eq!(names(&InApp { include: vec![], exclude: vec!["com.shop.".into()] }), Vec::<u32>::new());
        let both = InApp { include: vec!["com.shop.B".into()], exclude: vec!["com.shop.".into()] };
        assert_eq!(names(&both), [2]);
    }

    #[test]
    fn texts_without_calls_have_no_frames() {
        for text in ["", "hello", "order 12: in the queue", "at noon (or later)", "#1 is (2): best"] {
            assert_eq!(language(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (frames(&text, &InApp::default()), exception(&text));
        }

        #[test]
        fn anything_like_a_trace_is_read(text in "(\n|\t|  )?(at |File \"|#0 |   0: |goroutine 1|\\*\\* \\(|main\\.)[a-zA-Z$<>.:(){}\"/, 0-9#'`-]{0,60}\n(\t/a.go:1|  at x:1)?") {
            let _ = (frames(text.as_bytes(), &InApp::default()), exception(text.as_bytes()));
        }
    }
}
