//! Addresses and ports.

use super::num::uint16;

/// Splits `host:port`, `[v6]:port`, `v6:port` (last colon, as PostgreSQL's csvlog writes it) or `host(port)`; a text
/// without a port gives port 0. Brackets around an IPv6 address are dropped.
pub fn host_port(text: &[u8]) -> (&[u8], u16) {
    if let Some(body) = text.strip_suffix(b")")
        && let Some(open) = memchr::memrchr(b'(', body)
        && let (Some(host), Some(port)) = (body.get(..open), body.get(open + 1..).and_then(uint16))
    {
        return (host, port);
    }
    let Some(colon) = text.iter().rposition(|b| *b == b':') else { return (bare(text), 0) };
    match (text.get(..colon), text.get(colon + 1..).and_then(uint16)) {
        (Some(host), Some(port)) if !host.is_empty() => (bare(host), port),
        _ => (bare(text), 0),
    }
}

fn bare(host: &[u8]) -> &[u8] {
    // PostgreSQL's word for a Unix socket is no address in brackets.
    if host == b"[local]" {
        return host;
    }
    host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(host)
}

/// True where the text looks like an IPv4 or IPv6 address (shape only).
pub fn is_address(text: &[u8]) -> bool {
    if !(2..=45).contains(&text.len()) {
        return false;
    }
    let (mut dots, mut colons, mut letters) = (0, 0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' => {}
            b'.' => dots += 1,
            b':' => colons += 1,
            b'a'..=b'f' | b'A'..=b'F' => letters += 1,
            _ => return false,
        }
    }
    let v4 = dots == 3 && colons == 0 && letters == 0 && (7..=15).contains(&text.len());
    v4 || colons >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_by_their_shape() {
        for text in ["10.0.0.5", "255.255.255.255", "::", "2001:db8::7", "::ffff:10.0.0.5"] {
            assert!(is_address(text.as_bytes()), "{text}");
        }
        for text in ["", ":", "1.2.3", "10.0.0.5:80", "a.b.c.d", "web-1", "1.2.3.4.5", "12:30"] {
            assert!(!is_address(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn ports_are_split_off() {
        assert_eq!(host_port(b"10.0.0.5:51234"), (&b"10.0.0.5"[..], 51234));
        assert_eq!(host_port(b"10.0.0.5(51234)"), (&b"10.0.0.5"[..], 51234));
        assert_eq!(host_port(b"[::1]:80"), (&b"::1"[..], 80));
        assert_eq!(host_port(b"::1:16790"), (&b"::1"[..], 16790));
        assert_eq!(host_port(b"[local]"), (&b"[local]"[..], 0));
        assert_eq!(host_port(b"web-1"), (&b"web-1"[..], 0));
    }
}
