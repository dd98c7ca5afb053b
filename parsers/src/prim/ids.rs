//! Request, trace and span ids as loggers print their context (MDC): `[req-15d1fbd9]`,
//! `[4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7]`, `[shop,4bf9…,00f0…,true]`, `[rid=7f uid=12]`, `{traceId=…, spanId=…}`.

use crate::event::Event;

/// What a key of a context pair names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Request,
    Trace,
    Span,
    Other,
}

/// Puts the ids that `text` holds into `event`; fields that are already set are kept. True where any was found.
pub fn read<'a>(text: &'a [u8], event: &mut Event<'a>) -> bool {
    // The commonest shape first: Spring's fixed width, filled or blank.
    if let Some(whole) = text.first_chunk::<49>().filter(|_| text.len() == 49)
        && let (trace, [b'-', span @ ..]) = whole.split_at(32)
        && is_hex(whole.first_chunk::<32>().unwrap_or(&[0; 32]))
        && is_hex(whole.last_chunk::<16>().unwrap_or(&[0; 16]))
    {
        set(&mut event.trace_id, trace);
        set(&mut event.span_id, span);
        return true;
    }
    let text = text.trim_ascii();
    if text.is_empty() {
        return false;
    }
    if memchr::memchr2(b'=', b':', text).is_some() && pairs(text, event) {
        return true;
    }
    if memchr::memchr(b',', text).is_some() {
        return commas(text, event);
    }
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    if let Some((trace, span)) = trace_and_span(word) {
        set(&mut event.trace_id, trace);
        set(&mut event.span_id, span);
        return true;
    }
    if is_id(word) {
        set(&mut event.request_id, word);
        return true;
    }
    false
}

/// True where the text is an id, or key and value pairs: what a context column holds, and no thread does.
pub fn looks(text: &[u8]) -> bool {
    let mut event = Event::default();
    read(text, &mut event)
}

/// True where the text is one id or begins with one (`req-38101a0b user tenant`).
pub fn is_request(text: &[u8]) -> bool {
    is_id(text.split(|b| *b == b' ').next().unwrap_or_default())
}

fn set<'a>(slot: &mut &'a [u8], value: &'a [u8]) {
    if slot.is_empty() {
        *slot = value;
    }
}

/// Every byte is looked at without branches, sixteen at a time where the machine can.
#[inline]
fn is_hex(text: &[u8]) -> bool {
    text.iter().fold(true, |all, b| all & ((b.wrapping_sub(b'0') < 10) | ((b | 0x20).wrapping_sub(b'a') < 6)))
}

/// `trace-span` or `trace/span` with 16 or 32 and 16 hex digits.
fn trace_and_span(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| matches!(b, b'-' | b'/'))?;
    let (trace, span) = (text.get(..at)?, text.get(at + 1..)?);
    (matches!(trace.len(), 16 | 32) && span.len() == 16 && is_hex(trace) && is_hex(span)).then_some((trace, span))
}

/// `req-…`, a UUID, or 8 to 64 hex digits with a digit among them. Shorter hex could be a word (`dead`, `cafe`).
fn is_id(text: &[u8]) -> bool {
    for prefix in [&b"req-"[..], b"request-", b"rid-", b"req_", b"corr-", b"tx-", b"r-"] {
        if let Some(tail) = strip_ci(text, prefix) {
            return tail.len() >= 4
                && tail.iter().any(u8::is_ascii_digit)
                && tail.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        }
    }
    let uuid = text.len() == 36
        && text.iter().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() });
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    uuid || (text.len() >= 8 && text.len() <= 64 && digits > 0 && digits < text.len() && is_hex(text))
}

fn strip_ci<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// `[app,trace,span,exported]` as Spring Cloud Sleuth writes it: the application may be empty, as may the ids.
fn commas<'a>(text: &'a [u8], event: &mut Event<'a>) -> bool {
    let mut found = false;
    for (index, part) in text.split(|b| *b == b',').map(<[u8]>::trim_ascii).enumerate() {
        let hex = matches!(part.len(), 16 | 32) && is_hex(part);
        if hex && event.trace_id.is_empty() {
            event.trace_id = part;
            found = true;
        } else if hex {
            set(&mut event.span_id, part);
        } else if index == 0
            && !part.is_empty()
            && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        {
            set(&mut event.service, part);
            found = true;
        }
    }
    found
}

/// `k=v` or `k:v`, separated by spaces or commas. True where the text is made of pairs, whether known or not.
fn pairs<'a>(text: &'a [u8], event: &mut Event<'a>) -> bool {
    let mut any = false;
    for part in text.split(|b| matches!(b, b' ' | b',' | b';' | b'&' | b'{' | b'}')).filter(|p| !p.is_empty()) {
        let Some(at) = part.iter().position(|b| matches!(b, b'=' | b':')) else { continue };
        let (Some(key), Some(value)) = (part.get(..at), part.get(at + 1..)) else { continue };
        if key.is_empty() || !key.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
            continue;
        }
        any |= part.get(at) == Some(&b'=');
        let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
        let unset = matches!(value, b"" | b"-" | b"null" | b"none" | b"N/A");
        match name(key) {
            _ if unset => {}
            Name::Request => {
                set(&mut event.request_id, value);
                any = true;
            }
            Name::Trace => {
                set(&mut event.trace_id, value);
                any = true;
            }
            Name::Span => {
                set(&mut event.span_id, value);
                any = true;
            }
            Name::Other => {}
        }
    }
    any
}

/// What a key names, whatever its spelling: `X-Request-ID`, `request_id`, `requestId`, `rid`.
fn name(key: &[u8]) -> Name {
    let mut plain = [0u8; 24];
    let mut length = 0;
    for byte in key.iter().filter(|b| b.is_ascii_alphanumeric()) {
        let Some(slot) = plain.get_mut(length) else { return Name::Other };
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    match plain.get(..length).unwrap_or_default() {
        b"requestid" | b"rid" | b"reqid" | b"req" | b"xrequestid" | b"correlationid" | b"xcorrelationid" | b"corrid"
        | b"correlation" | b"requestuuid" | b"transactionid" | b"txid" | b"cid" => Name::Request,
        b"traceid" | b"xb3traceid" | b"ddtraceid" | b"trace" | b"xtraceid" | b"otraceid" | b"tid" => Name::Trace,
        b"spanid" | b"xb3spanid" | b"ddspanid" | b"span" => Name::Span,
        _ => Name::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (String, String, String) {
        let mut event = Event::default();
        read(text.as_bytes(), &mut event);
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (show(event.request_id), show(event.trace_id), show(event.span_id))
    }

    #[test]
    fn ids_are_found_in_every_dress() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let want = |r: &str, t: &str, s: &str| (r.to_owned(), t.to_owned(), s.to_owned());
        assert_eq!(found("req-15d1fbd9"), want("req-15d1fbd9", "", ""));
        assert_eq!(found(&format!("{trace}-{span}")), want("", trace, span));
        assert_eq!(found(&format!("shop,{trace},{span},true")), want("", trace, span));
        assert_eq!(found("rid=7f21 uid=12"), want("7f21", "", ""));
        assert_eq!(found(&format!("{{traceId={trace}, spanId={span}}}")), want("", trace, span));
        assert_eq!(found("0b7a4cbe-53b0-4a5e-9d5c-6a1b6f6a7d10"), want("0b7a4cbe-53b0-4a5e-9d5c-6a1b6f6a7d10", "", ""));
        assert_eq!(found("requestId:abc-1 userId:9"), want("abc-1", "", ""));
        assert_eq!(found("main"), want("", "", ""));
        assert_eq!(found("http-nio-8080-exec-1"), want("", "", ""));
        assert_eq!(found("                 "), want("", "", ""));
    }
}
