//! S4: addresses of machines: IPv4, IPv6, MAC.
//!
//! Never: takes a version (`1.2.3`, `v1.2.3.4`) or a time (`10:30:00`) for an address.

use std::net::Ipv6Addr;

use super::super::text::{ALNUM, DIGIT, HEX, Text};

/// Four numbers of 0 to 255 without leading zeros.
pub(crate) fn ipv4(text: &Text, at: usize) -> Option<usize> {
    if matches!(text.before(at), Some(b'.' | b'-' | b'_'))
        && at >= 2
        && text.bytes[at - 2].is_ascii_alphanumeric()
    {
        return None;
    }
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            if text.get(end) != Some(b'.') {
                return None;
            }
            end += 1;
        }
        let start = end;
        end = text.run(start, DIGIT, 4);
        let digits = text.bytes.get(start..end)?;
        let value = digits.iter().fold(0u32, |sum, b| sum * 10 + u32::from(b - b'0'));
        if digits.is_empty() || digits.len() > 3 || value > 255 || (digits[0] == b'0' && digits.len() > 1) {
            return None;
        }
    }
    let more = text.is(end, ALNUM) || (text.get(end) == Some(b'.') && text.is(end + 1, DIGIT));
    (!more && text.get(end) != Some(b'_') && text.bytes.get(at..end) != Some(b"0.0.0.0")).then_some(end)
}

/// The longest text of an IPv6 address, with an IPv4 tail.
const IPV6_MAX: usize = 45;

/// IPv6 as RFC 4291 writes it, with a zone (`%eth0`).
pub(crate) fn ipv6(text: &Text, at: usize) -> Option<usize> {
    if matches!(text.before(at), Some(b':')) && at >= 2 && text.is(at - 2, HEX) {
        return None;
    }
    let (mut end, mut colons) = (at, 0);
    while end - at < IPV6_MAX {
        match text.get(end) {
            Some(b':') => colons += 1,
            Some(byte) if byte.is_ascii_hexdigit() || (byte == b'.' && colons >= 2) => {}
            _ => break,
        }
        end += 1;
    }
    // A sentence may end with a dot or colon behind it.
    let mut slice = text.bytes.get(at..end)?;
    while let Some((last, rest)) = slice.split_last()
        && (*last == b'.' || (*last == b':' && !rest.ends_with(b":")))
    {
        slice = rest;
    }
    if colons < 2 || slice.len() < 4 || text.is(end, ALNUM) {
        return None;
    }
    std::str::from_utf8(slice).ok()?.parse::<Ipv6Addr>().ok()?;
    let digits = slice.iter().filter(|b| b.is_ascii_hexdigit()).count();
    if digits < 3 {
        return None;
    }
    let end = at + slice.len();
    if text.get(end) == Some(b'%') {
        return Some(text.run(end + 1, ALNUM, 16));
    }
    Some(end)
}

/// Six pairs joined by `:` or `-`, or three groups of four joined by dots.
pub(crate) fn mac(text: &Text, at: usize) -> Option<usize> {
    let pair = text.run(at, HEX, 5) - at;
    let joint = text.get(at + pair)?;
    let (groups, size) = match (pair, joint) {
        (2, b':' | b'-') => (6, 2),
        (4, b'.') => (3, 4),
        _ => return None,
    };
    if text.before(at) == Some(joint) {
        return None;
    }
    let mut end = at;
    for group in 0..groups {
        if group > 0 {
            if text.get(end) != Some(joint) {
                return None;
            }
            end += 1;
        }
        if text.run(end, HEX, size) - end != size {
            return None;
        }
        end += size;
    }
    let more = text.is(end, ALNUM) || (text.get(end) == Some(joint) && text.is(end + 1, HEX));
    let digits = text.bytes[at..end].iter().any(|b| b.is_ascii_digit());
    (!more && (size == 2 || digits)).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str, rule: fn(&Text, usize) -> Option<usize>) -> Option<&str> {
        rule(&Text::new(text.as_bytes(), true), 0).map(|end| &text[..end])
    }

    #[test]
    fn addresses_of_machines_end_where_they_end() {
        assert_eq!(on("192.0.2.7:8080", ipv4), Some("192.0.2.7"));
        assert_eq!(on("192.0.2.7.", ipv4), Some("192.0.2.7"));
        for none in ["1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4a"] {
            assert_eq!(on(none, ipv4), None, "{none}");
        }
        assert_eq!(on("2001:db8::1, and", ipv6), Some("2001:db8::1"));
        assert_eq!(on("fe80::1%eth0 ", ipv6), Some("fe80::1%eth0"));
        assert_eq!(on("::ffff:192.0.2.7.", ipv6), Some("::ffff:192.0.2.7"));
        for none in ["10:30:00", "12:34", "a::b::c", "dead:beef", "::"] {
            assert_eq!(on(none, ipv6), None, "{none}");
        }
        assert_eq!(on("02:00:00:00:00:01.", mac), Some("02:00:00:00:00:01"));
        assert_eq!(on("02-00-00-00-00-0a", mac), Some("02-00-00-00-00-0a"));
        assert_eq!(on("0200.0000.0001", mac), Some("0200.0000.0001"));
        for none in ["02:00:00:00:00", "02:00:00:00:00:01:02", "02:00-00:00:00:01"] {
            assert_eq!(on(none, mac), None, "{none}");
        }
    }
}
