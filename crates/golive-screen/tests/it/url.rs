//! S3: which addresses of pictures and files pass, and that no spelling of an address does.

use golive_screen::validate::url::{CODES, Host, Rules, check};

fn rules() -> Rules {
    let hosts = ["images.example.com", "*.cdn.example.net", "xn--bcher-kva.example"];
    Rules {
        hosts: hosts.map(|host| Host::parse(host).unwrap()).to_vec(),
        ..Rules::default()
    }
}

fn code(url: &str) -> &'static str {
    let refused = check(url, &rules()).unwrap_err();
    assert!(CODES.contains(&refused.code));
    assert!(
        url.len() < 12 || !refused.to_string().contains(url),
        "a refusal does not echo the URL"
    );
    refused.code
}

#[test]
fn hosts_of_the_list_pass() {
    for (url, host, path) in [
        (
            "https://images.example.com/a.png?x=1#top",
            "images.example.com",
            "/a.png?x=1",
        ),
        ("HTTPS://Images.Example.COM", "images.example.com", "/"),
        ("https://images.example.com:443/%41", "images.example.com", "/%41"),
        ("https://a.b.cdn.example.net/x", "a.b.cdn.example.net", "/x"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
    ] {
        let passed = check(url, &rules()).unwrap();
        assert_eq!((passed.host.as_str(), passed.path), (host, path));
    }
}

#[test]
fn no_spelling_of_an_address_is_a_host() {
    for address in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "0",
        "0x",
        "images.example.com.0x1",
        "1.2.3.4.5",
    ] {
        assert_eq!(
            code(&format!("https://{address}/x.png")),
            "url_literal_address",
            "{address}"
        );
    }
}

#[test]
fn what_another_reader_might_read_otherwise_is_refused() {
    for (url, expected) in [
        ("http://images.example.com/", "url_not_https"),
        ("//images.example.com/", "url_not_https"),
        ("file:///etc/passwd", "url_not_https"),
        ("data:image/png;base64,AAAA", "url_not_https"),
        ("https:images.example.com", "url_not_https"),
        ("https://images.example.com@evil.example/", "url_user_information"),
        ("https://user:pw@images.example.com/", "url_user_information"),
        ("https://evil.example\\@images.example.com/", "url_bad_character"),
        ("https://images.example.com\t.evil.example/", "url_bad_character"),
        (" https://images.example.com/", "url_bad_character"),
        ("https://images.example.com/a b", "url_bad_character"),
        ("https://images.example.сom/", "url_bad_character"),
        ("https://images．example.com/", "url_bad_character"),
        ("https://images.example.com%2eevil.example/", "url_bad_host"),
        ("https://images.example.com./", "url_bad_host"),
        ("https://images..example.com/", "url_bad_host"),
        ("https://-images.example.com/", "url_bad_host"),
        ("https:///x", "url_bad_host"),
        ("https://images.example.com:8443/", "url_bad_port"),
        ("https://images.example.com:443:443/", "url_bad_port"),
        ("https://images.example.com:/", "url_bad_port"),
        ("https://evil.example/", "url_host_not_allowed"),
        ("https://images.example.com.evil.example/", "url_host_not_allowed"),
        ("https://evilimages.example.com/", "url_host_not_allowed"),
        ("https://cdn.example.net/", "url_host_not_allowed"),
        ("https://evilcdn.example.net/", "url_host_not_allowed"),
        ("https://localhost/", "url_host_not_allowed"),
    ] {
        assert_eq!(code(url), expected, "{url}");
    }
    assert_eq!(
        code(&format!("https://images.example.com/{}", "a".repeat(2_048))),
        "url_too_long"
    );
}

#[test]
fn with_no_list_nothing_passes() {
    assert_eq!(
        check("https://images.example.com/", &Rules::default())
            .unwrap_err()
            .code,
        "url_host_not_allowed"
    );
}

#[test]
fn an_entry_that_is_no_host_says_why() {
    for (entry, message) in [
        ("10.0.0.1", "`10.0.0.1` is no host: an address; a host has a name"),
        ("com", "`com` is no host: write the whole name, with its domain"),
        (
            "*.com",
            "`*.com` is no host: write the whole name, with its domain",
        ),
        (
            "https://example.com",
            "`https://example.com` is no host: write letters, digits, hyphens and dots, other scripts in their `xn--` form",
        ),
        (
            "bücher.example",
            "`bücher.example` is no host: write letters, digits, hyphens and dots, other scripts in their `xn--` form",
        ),
        (
            "a.*.example",
            "`a.*.example` is no host: write letters, digits, hyphens and dots, other scripts in their `xn--` form",
        ),
    ] {
        assert_eq!(Host::parse(entry).unwrap_err().to_string(), message);
    }
}
