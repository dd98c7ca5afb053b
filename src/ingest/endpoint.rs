//! From a request target to an endpoint: the variable parts of a path are folded, so that requests can be counted.

/// Writes the endpoint of a request target into `out`: query string and fragment cut, segments that hold an id
/// replaced by `{id}` (numbers, UUIDs, hex of eight digits or more, anything with two digits in a row or letters mixed
/// with digits that is no version such as `v2`).
pub(super) fn fold(path: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let path = path_of(path);
    // One pass: where segments and the path end, and how many digits a segment has.
    let (mut start, mut digits) = (0, 0usize);
    for (at, byte) in path.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'/' => {
                push(path.get(start..at).unwrap_or_default(), digits, out);
                out.push(b'/');
                (start, digits) = (at + 1, 0);
            }
            b'?' | b'#' | b';' => {
                push(path.get(start..at).unwrap_or_default(), digits, out);
                (start, digits) = (path.len(), 0);
                break;
            }
            _ => {}
        }
    }
    push(path.get(start..).unwrap_or_default(), digits, out);
    if out.len() > 1 && out.last() == Some(&b'/') {
        out.pop();
    }
}

fn push(segment: &[u8], digits: usize, out: &mut Vec<u8>) {
    if is_id(segment, digits) {
        out.extend_from_slice(b"{id}");
    } else {
        out.extend_from_slice(segment.get(..64).unwrap_or(segment));
    }
}

/// The path of an absolute target (`http://host/path`).
fn path_of(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(at) = memchr::memmem::find(target.get(..target.len().min(10)).unwrap_or_default(), b"://") else { return target };
    let rest = target.get(at + 3..).unwrap_or_default();
    memchr::memchr(b'/', rest).and_then(|slash| rest.get(slash..)).unwrap_or(b"/")
}

fn is_id(segment: &[u8], digits: usize) -> bool {
    if digits == 0 {
        return false;
    }
    match segment {
        [b'v' | b'V', rest @ ..] if rest.iter().all(|b| b.is_ascii_digit() || *b == b'.') => false,
        hex if hex.len() >= 8 && hex.iter().all(u8::is_ascii_hexdigit) => true,
        // Names with a number in them (`oauth2`, `s3`, `index2.html`) are names; codes (`SKU-006997`, `a816bce1`) are ids.
        _ => digits == segment.len() || digits >= 3 || (digits * 3 >= segment.len() && segment.len() > 2),
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn ids_are_folded_and_names_stay() {
        let folded = |path: &str| {
            let mut out = Vec::new();
            fold(path.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(folded("/orders/3991/invoice?x=1"), "/orders/{id}/invoice");
        assert_eq!(folded("/api/v2/carts/340898"), "/api/v2/carts/{id}");
        assert_eq!(folded("/api/inventory/SKU-006997"), "/api/inventory/{id}");
        assert_eq!(folded("/checkout/bf6eaf6ff/voucher"), "/checkout/{id}/voucher");
        assert_eq!(folded("/oauth2/token"), "/oauth2/token");
        assert_eq!(folded("/u/7fbd2e6d-8f1b-4c0e-9f1e-0c2a1b3d4e5f/"), "/u/{id}");
        assert_eq!(folded("http://shop/orders/7"), "/orders/{id}");
        assert_eq!(folded("/"), "/");
    }
}
