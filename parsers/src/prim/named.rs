//! Values that stand behind a name somewhere in a message: `rid=a816`, `"traceId": "4bf9…"`, `client: 10.0.0.7`.

/// Every `name=value` and `name: value` of `text`, in order; quotes around name and value are dropped. A colon counts
/// only with a blank or a quote behind it, so that `10:15:20` and `host:80` are no names.
pub fn values(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    memchr::memchr2_iter(b'=', b':', text).filter_map(move |at| {
        let name = name_before(text, at)?;
        let value = text.get(at + 1..)?;
        let value = match text.get(at)? {
            b':' => value.strip_prefix(b" ").or_else(|| value.starts_with(b"\"").then_some(value))?,
            _ => value,
        };
        let value = value_at(value);
        (!value.is_empty()).then_some((name, value))
    })
}

/// The value behind the first of `names` that the text has, in the order of the text.
pub fn value<'a>(text: &'a [u8], names: &[&str]) -> Option<&'a [u8]> {
    values(text).find(|(name, _)| names.iter().any(|n| n.as_bytes() == *name)).map(|(_, value)| value)
}

fn name_before(text: &[u8], at: usize) -> Option<&[u8]> {
    let head = text.get(..at)?;
    let head = head.strip_suffix(b"\"").or_else(|| head.strip_suffix(b"'")).unwrap_or(head);
    let width = head.iter().rev().take(40).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
    head.get(head.len() - width..).filter(|name| name.first().is_some_and(u8::is_ascii_alphabetic))
}

fn value_at(text: &[u8]) -> &[u8] {
    let (body, quoted) = match text.split_first() {
        Some((quote @ (b'"' | b'\''), body)) => (body, Some(*quote)),
        _ => (text, None),
    };
    let ends = |b: &u8| match quoted {
        Some(quote) => *b == quote,
        None => matches!(b, b' ' | b'\t' | b'\n' | b',' | b';' | b'"' | b')' | b']' | b'}'),
    };
    body.get(..body.iter().position(ends).unwrap_or(body.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_found() {
        let text = b"at 10:15:20 {\"traceId\": \"4bf9\", x:y} rid=a816, client='a b' host:80 n: 7;";
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let all: Vec<String> = values(text).map(|(n, v)| format!("{}>{}", show(n), show(v))).collect();
        assert_eq!(all, ["traceId>4bf9", "rid>a816", "client>a b", "n>7"]);
        assert_eq!(value(text, &["id", "rid"]), Some(&b"a816"[..]));
        assert_eq!(value(b"=:", &["x"]), None);
    }
}
