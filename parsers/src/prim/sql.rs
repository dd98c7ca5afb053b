//! What a statement's text says about where it comes from, and which statements are the same but for their values.
//! Sources: the sqlcommenter specification (google.github.io/sqlcommenter), Rails' `ActiveRecord::QueryLogs` (whose older
//! format is marginalia's `key:value`).

use super::text;
use crate::event::{Arena, Event};

/// What an application wrote into a comment of its statement; empty where it did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tags<'a> {
    /// The route (`/orders/<id>`).
    pub route: &'a [u8],
    /// The controller.
    pub controller: &'a [u8],
    /// The action, or Rails' job.
    pub action: &'a [u8],
    /// W3C trace context.
    pub traceparent: &'a [u8],
    /// The application's own name.
    pub application: &'a [u8],
}

/// The tags in the comment at the end of a statement, or at its start; `None` where no comment holds any.
pub fn tags<'a>(sql: &'a [u8], arena: &'a Arena) -> Option<Tags<'a>> {
    // Nearly every statement ends here: the last byte of one with a comment is a slash.
    let end = match sql.last()? {
        b'/' => sql,
        b' ' | b';' | b'\n' | b'\r' | b'\t' => {
            let width = sql.iter().rposition(|b| !matches!(b, b' ' | b';' | b'\n' | b'\r' | b'\t'))? + 1;
            sql.get(..width)?
        }
        _ => b"",
    };
    let behind = end.strip_suffix(b"*/").and_then(|body| {
        let open = memchr::memmem::rfind(body, b"/*")?;
        read(body.get(open + 2..)?, arena)
    });
    behind.or_else(|| {
        let body = sql.strip_prefix(b"/*")?;
        read(text::before(body, b"*/")?, arena)
    })
}

/// Puts the tags of the event's query into its route, trace and application name, where they are still empty.
pub fn tag<'a>(event: &mut Event<'a>, arena: &'a Arena) {
    let Some(tags) = tags(event.query, arena) else { return };
    if event.route.is_empty() {
        event.route = if !tags.route.is_empty() {
            tags.route
        } else if tags.controller.is_empty() || tags.action.is_empty() {
            if tags.controller.is_empty() { tags.action } else { tags.controller }
        } else {
            arena.alloc_slice_copy(&[tags.controller, tags.action].join(&b'#'))
        };
    }
    if event.trace_id.is_empty()
        && let Some((trace, span)) = trace_parent(tags.traceparent)
    {
        event.trace_id = trace;
        event.span_id = span;
    }
    if event.app_name.is_empty() {
        event.app_name = tags.application;
    }
}

/// Trace id and span id of a W3C `traceparent`, `00-4bf9…-00f0…-01`.
pub fn trace_parent(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = text.split(|b| *b == b'-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &[u8], width| part.len() == width && part.iter().all(u8::is_ascii_hexdigit);
    (hex(version, 2) && hex(trace, 32) && hex(span, 16)).then_some((trace, span))
}

/// Reads `key='value',key='value'` or `key:value,key:value`.
fn read<'a>(comment: &'a [u8], arena: &'a Arena) -> Option<Tags<'a>> {
    let mut tags = Tags::default();
    let mut rest = comment.trim_ascii();
    let mut any = false;
    while !rest.is_empty() {
        let width = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'%')).count();
        let (key, tail) = rest.split_at(width);
        let (value, tail) = match tail {
            [b'=', b'\'', body @ ..] => {
                let end = quote_end(body)?;
                (decoded(body.get(..end)?, arena), body.get(end + 1..)?)
            }
            [b'=' | b':', body @ ..] if width > 0 => {
                let end = memchr::memchr(b',', body).unwrap_or(body.len());
                (body.get(..end)?.trim_ascii(), body.get(end..)?)
            }
            _ => return None,
        };
        let slot = match key {
            b"route" => Some(&mut tags.route),
            b"controller" => Some(&mut tags.controller),
            b"action" | b"job" => Some(&mut tags.action),
            b"traceparent" => Some(&mut tags.traceparent),
            b"application" | b"app" | b"service" => Some(&mut tags.application),
            _ => None,
        };
        if let Some(slot) = slot {
            *slot = value;
            any = true;
        }
        let tail = tail.trim_ascii_start();
        rest = tail.strip_prefix(b",").unwrap_or(tail).trim_ascii_start();
    }
    any.then_some(tags)
}

/// Where the quote that ends a value stands; `\'` is a quote inside it.
fn quote_end(body: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\'', body).find(|at| *at == 0 || body.get(at - 1) != Some(&b'\\'))
}

/// Undoes URL encoding and `\'`; copied only where there is any.
fn decoded<'a>(value: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    if memchr::memchr2(b'%', b'\\', value).is_none() {
        return value;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(value.len(), arena);
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'\\', _, _) if tail.first() == Some(&b'\'') => rest = tail,
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out.into_bump_slice()
}

/// What a token is, as far as the blank in front of the next one depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    /// A word without quotes, which may be a keyword; where it begins in what was written.
    Bare(usize),
    /// A quoted name.
    Quoted,
    Value,
    Operator,
    Open,
    Close,
    Comma,
    Glue,
}

/// Writes a statement's shape into `out` (cleared first): values become `?`, lists of values and rows one `?` each,
/// comments go, blanks and the case of bare words are made the same. Statements that differ in nothing else share it.
///
/// ```
/// let mut out = Vec::new();
/// backtrail_parsers::prim::sql::fingerprint(b"SELECT * FROM t\n WHERE id IN (1, 2,3) -- x", &mut out);
/// assert_eq!(out, b"select * from t where id in (?)");
/// ```
pub fn fingerprint(sql: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.reserve(sql.len().min(4096));
    let mut writer = Writer { out, last: Last::Start };
    let mut rest = sql;
    while let Some(first) = rest.first() {
        let width = match first {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => 1,
            b'-' if rest.starts_with(b"--") => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => comment(rest),
            b'\'' => writer.value(string(rest, false)),
            b'"' | b'`' => writer.name(rest, quoted(rest, *first)),
            b'$' => match dollar(rest) {
                Some(width) => writer.value(width),
                None => writer.mark(rest),
            },
            b'0'..=b'9' => writer.value(number(rest)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) && !writer.behind_name() => writer.value(number(rest)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                let width = rest.iter().position(|b| !in_word(*b)).unwrap_or(rest.len());
                if width <= 2 && rest.get(width) == Some(&b'\'') {
                    let body = rest.get(width..).unwrap_or_default();
                    writer.value(width + string(body, matches!(first, b'e' | b'E')))
                } else {
                    writer.word(rest, width)
                }
            }
            _ => writer.mark(rest),
        };
        rest = rest.get(width.max(1)..).unwrap_or_default();
    }
    while matches!(writer.out.last(), Some(b';' | b' ')) {
        writer.out.pop();
    }
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    last: Last,
}

impl Writer<'_> {
    /// A literal or parameter. A list of them is written as one.
    fn value(&mut self, width: usize) -> usize {
        if self.last == Last::Comma && matches!(self.out.as_slice(), [.., b'?', b',']) {
            self.out.pop();
        } else {
            // The sign of a negative number is part of it.
            if self.last == Last::Operator && matches!(self.out.as_slice(), [.., b' ' | b'(', b'-']) {
                let before = self.out.len() - 1;
                let sign = match self.out.get(..before) {
                    Some([.., b'(']) => true,
                    Some([.., last, b' ']) => matches!(last, b'=' | b'<' | b'>' | b',' | b'+' | b'*' | b'/'),
                    _ => false,
                };
                if sign {
                    self.out.truncate(before);
                    if self.out.last() == Some(&b' ') {
                        self.out.pop();
                    }
                    self.last = match self.out.last() {
                        Some(b'(') => Last::Open,
                        Some(b',') => Last::Comma,
                        _ => Last::Operator,
                    };
                    return self.value(width);
                }
            }
            self.gap();
            self.out.push(b'?');
        }
        self.last = Last::Value;
        width
    }

    /// A quoted name.
    fn name(&mut self, rest: &[u8], width: usize) -> usize {
        self.gap();
        self.out.extend_from_slice(rest.get(..width).unwrap_or_default());
        self.last = Last::Quoted;
        width
    }

    /// A keyword, a constant or a name without quotes.
    fn word(&mut self, rest: &[u8], width: usize) -> usize {
        let word = rest.get(..width).unwrap_or_default();
        if matches!(self.last, Last::Open | Last::Comma | Last::Operator) && is_constant(word) {
            return self.value(width);
        }
        self.gap();
        let from = self.out.len();
        self.out.extend(word.iter().map(u8::to_ascii_lowercase));
        self.last = Last::Bare(from);
        width
    }

    /// True behind a keyword.
    fn behind_keyword(&self) -> bool {
        matches!(self.last, Last::Bare(from) if is_keyword(self.out.get(from..).unwrap_or_default()))
    }

    /// True behind a name.
    fn behind_name(&self) -> bool {
        matches!(self.last, Last::Bare(_) | Last::Quoted) && !self.behind_keyword()
    }

    /// The blank in front of a token, where one stands.
    fn gap(&mut self) {
        self.blank(!matches!(self.last, Last::Start | Last::Open | Last::Glue));
    }

    fn blank(&mut self, wanted: bool) {
        if wanted {
            self.out.push(b' ');
        }
    }

    fn mark(&mut self, rest: &[u8]) -> usize {
        match rest.first() {
            Some(b'(' | b'[') => {
                self.blank(matches!(self.last, Last::Operator | Last::Comma) || self.behind_keyword());
                self.out.extend(rest.first());
                self.last = Last::Open;
            }
            Some(b')' | b']') => {
                self.out.extend(rest.first());
                self.last = Last::Close;
                self.fold_rows();
            }
            Some(b',') => {
                self.out.push(b',');
                self.last = Last::Comma;
            }
            Some(b'.') => {
                self.out.push(b'.');
                self.last = Last::Glue;
            }
            Some(b';') => {
                self.out.push(b';');
                self.last = Last::Comma;
            }
            Some(b':') if rest.starts_with(b"::") => {
                self.out.extend_from_slice(b"::");
                self.last = Last::Glue;
                return 2;
            }
            Some(b'?') if !self.behind_name() => return self.value(1),
            Some(_) => {
                let operator = |b: &u8| matches!(b, b'=' | b'<' | b'>' | b'!' | b'|' | b'&' | b'~' | b'@' | b'#' | b'^' | b'%');
                let run = rest.iter().take_while(|b| operator(b)).count();
                let width = if run == 0 { 1 } else { run + usize::from(run < 2 && rest.get(run) == Some(&b'>')) };
                self.gap();
                self.out.extend_from_slice(rest.get(..width).unwrap_or_default());
                self.last = Last::Operator;
                return width;
            }
            None => {}
        }
        1
    }

    /// `(?), (?)` is one row more of the same.
    fn fold_rows(&mut self) {
        if self.out.ends_with(b"(?), (?)") {
            self.out.truncate(self.out.len() - 5);
        }
    }
}

/// Words that stand for a value.
fn is_constant(word: &[u8]) -> bool {
    match word {
        [b'n' | b'N' | b't' | b'T', _, _, _] => word.eq_ignore_ascii_case(b"null") || word.eq_ignore_ascii_case(b"true"),
        [b'f' | b'F', _, _, _, _] => word.eq_ignore_ascii_case(b"false"),
        _ => false,
    }
}

/// Words in front of whose bracket a blank stands; every other word's bracket is a call's.
fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"in"
            | b"or"
            | b"on"
            | b"as"
            | b"by"
            | b"and"
            | b"not"
            | b"any"
            | b"all"
            | b"from"
            | b"join"
            | b"over"
            | b"with"
            | b"when"
            | b"then"
            | b"else"
            | b"where"
            | b"using"
            | b"union"
            | b"values"
            | b"exists"
            | b"select"
            | b"having"
            | b"returning"
    )
}

/// Bytes that a bare word goes on with.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the array")]
        {
            table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        }
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[inline]
fn in_word(byte: u8) -> bool {
    WORD.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The width of a comment, nested ones included.
fn comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(pair) = text.get(at..at + 2) {
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The width of a string. `\'` is a quote inside it where the string is said to have escapes, and where the text goes on as
/// if it were (MySQL's strings are not marked).
fn string(text: &[u8], escapes: bool) -> usize {
    let mut at = 1;
    while let Some(step) = text.get(at..).and_then(|rest| memchr::memchr2(b'\'', b'\\', rest)) {
        at += step;
        match (text.get(at), text.get(at + 1)) {
            (Some(b'\''), Some(b'\'')) => at += 2,
            (Some(b'\''), _) => return at + 1,
            (_, Some(b'\'')) => {
                let goes_on = text.get(at + 2).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'\'' | b'\\'));
                if !escapes && !goes_on {
                    return at + 2;
                }
                at += 2;
            }
            _ => at += 2,
        }
    }
    text.len()
}

fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(step) = text.get(at..).and_then(|rest| memchr::memchr(quote, rest)) {
        at += step + 1;
        if text.get(at) != Some(&quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The width of `$1` or `$tag$ … $tag$`.
fn dollar(text: &[u8]) -> Option<usize> {
    let digits = super::num::digits(text.get(1..)?);
    if digits > 0 {
        return Some(digits + 1);
    }
    let name = text.get(1..)?.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let tag = text.get(..name + 2).filter(|tag| tag.ends_with(b"$"))?;
    let body = text.get(tag.len()..)?;
    Some(memchr::memmem::find(body, tag).map_or(text.len(), |end| end + 2 * tag.len()))
}

fn number(text: &[u8]) -> usize {
    let mut width = text.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_')).count();
    let exponent = text.get(width.saturating_sub(1)).is_some_and(|b| matches!(b, b'e' | b'E'));
    if exponent && matches!(text.get(width), Some(b'+' | b'-')) && !text.starts_with(b"0x") {
        width += 1 + super::num::digits(text.get(width + 1..).unwrap_or_default());
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sql: &str) -> String {
        let mut out = Vec::new();
        fingerprint(sql.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tags_are_read_in_all_spellings() {
        let arena = Arena::new();
        let sql = br"select 1 /*action='show',controller='o\'x',route='%2Forders%2F%3Cid%3E',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/;";
        let found = tags(sql, &arena).unwrap();
        assert_eq!(found.controller, b"o'x");
        assert_eq!(found.route, b"/orders/<id>");
        assert_eq!(found.action, b"show");
        assert!(trace_parent(found.traceparent).is_some());
        assert_eq!(tags(b"select 1 /*controller='it%27s'*/", &arena).unwrap().controller, b"it's");
        assert_eq!(tags(b"/*application:Shop,controller:carts,action:show*/ select 1", &arena).unwrap().controller, b"carts");
        assert_eq!(tags(b"select 1 /* a remark */", &arena), None);
        assert_eq!(tags(b"select 1", &arena), None);
    }

    #[test]
    fn an_event_takes_its_querys_tags() {
        let arena = Arena::new();
        let mut event =
            Event { query: b"select 1 /*controller='carts',action='show',application='shop'*/", ..Event::default() };
        tag(&mut event, &arena);
        assert_eq!((event.route, event.app_name), (&b"carts#show"[..], &b"shop"[..]));
    }

    #[test]
    fn values_do_not_matter() {
        for (sql, want) in [
            ("SELECT a,b FROM T1 WHERE x=1 AND y = 'it''s'", "select a, b from t1 where x = ? and y = ?"),
            ("select a , b from t1 where x = $1 and y=$2;", "select a, b from t1 where x = ? and y = ?"),
            ("insert into t (a,b) values (1,'x'),(2,NULL)", "insert into t(a, b) values (?)"),
            ("select count(*) from \"Orders\" o where o.id in (1)", "select count(*) from \"Orders\" o where o.id in (?)"),
            ("select /* hi /* nested */ */ 1 -- end", "select ?"),
            ("select x from t where a > -5 and b is null", "select x from t where a > ? and b is null"),
            ("select E'a\\'b', 'C:\\', $q$ it's $q$, 1.5e-3, 0xff", "select ?"),
            ("select 'it\\'s' from t", "select ? from t"),
            ("select a::text, now() - interval '1 day' limit 10", "select a::text, now() - interval ? limit ?"),
            ("  SELECT\n\t1  ", "select ?"),
            ("select 'unfinished", "select ?"),
            ("", ""),
        ] {
            assert_eq!(shape(sql), want, "{sql}");
        }
    }
}
