//! S3: files are what their bytes are, whatever they say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use golive_screen::validate::media::{CODES, Rules, Type, bytes_of, data_uri, encoded, sniff};

fn png(width: u32, height: u32) -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(),
        &width.to_be_bytes(),
        &height.to_be_bytes(),
        b"\x08\x06\0\0\0",
    ]
    .concat()
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes()].concat()
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let frame = [
        b"\xFF\xC2\0\x11\x08".as_slice(),
        &height.to_be_bytes(),
        &width.to_be_bytes(),
    ]
    .concat();
    [b"\xFF\xD8\xFF\xE0\0\x04ab\xFF".as_slice(), &frame].concat()
}

fn code(declared: &str, bytes: &[u8]) -> &'static str {
    let refused = encoded(declared, &STANDARD.encode(bytes), &Rules::default()).unwrap_err();
    assert!(CODES.contains(&refused.code));
    refused.code
}

#[test]
fn a_picture_that_is_what_it_says_passes() {
    for (declared, bytes, is) in [
        ("image/png", png(640, 480), Type::Png),
        ("image/gif", gif(640, 480), Type::Gif),
        ("IMAGE/JPEG", jpeg(640, 480), Type::Jpeg),
        ("image/jpg; q=1", jpeg(1, 1), Type::Jpeg),
        ("", png(1, 1), Type::Png),
        (
            "image/webp",
            b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0".to_vec(),
            Type::Webp,
        ),
        (
            "image/webp",
            b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x7F\xC2\x77\0".to_vec(),
            Type::Webp,
        ),
        (
            "image/webp",
            b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x80\x02\xE0\x01".to_vec(),
            Type::Webp,
        ),
        ("application/pdf", b"%PDF-1.7\n".to_vec(), Type::Pdf),
    ] {
        let file = encoded(declared, &STANDARD.encode(&bytes), &Rules::default()).unwrap();
        assert_eq!((file.is, file.bytes), (is, bytes));
    }
}

#[test]
fn a_data_uri_is_read_and_its_places_are_its_own() {
    let uri = format!("data:image/png;charset=x;base64,{}", STANDARD.encode(png(2, 2)));
    assert_eq!(data_uri(&uri, &Rules::default()).unwrap().is, Type::Png);
    for (uri, code) in [
        ("https://example.com/a.png", "file_not_a_data_uri"),
        ("é€€", "file_not_a_data_uri"),
        ("data:image/png", "file_not_a_data_uri"),
        ("data:image/png,abc", "file_not_a_data_uri"),
        ("data:image/png;base64,ab!d", "file_bad_base64"),
        ("data:image/png;base64,abc", "file_bad_base64"),
        ("data:;base64,", "file_empty"),
    ] {
        let refused = data_uri(uri, &Rules::default()).unwrap_err();
        assert_eq!(refused.code, code, "{uri}");
        assert!(uri.get(refused.at).is_some());
    }
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    assert_eq!(code("image/png", &jpeg(1, 1)), "file_not_as_declared");
    assert_eq!(code("image/svg+xml", &png(1, 1)), "file_not_as_declared");
    assert_eq!(code("image/png", b"<svg onload='x'/>"), "file_type_not_allowed");
    assert_eq!(code("image/png", b"\x7FELF\x02\x01\x01\0"), "file_type_unknown");
    assert_eq!(
        code("application/zip", b"PK\x03\x04\0\0"),
        "file_type_not_allowed"
    );
    assert_eq!(code("image/png", &png(1, 1)[..20]), "picture_broken");
    assert_eq!(code("image/png", &png(0, 1)), "picture_broken");
    assert_eq!(code("image/jpeg", b"\xFF\xD8\xFF\xE0\0\0"), "picture_broken");
}

#[test]
fn pictures_that_unfold_to_too_much_are_refused() {
    assert_eq!(code("image/png", &png(u32::MAX, u32::MAX)), "picture_too_large");
    assert_eq!(code("image/gif", &gif(65_535, 65_535)), "picture_too_large");
    assert_eq!(code("image/jpeg", &jpeg(65_500, 65_500)), "picture_too_large");
}

#[test]
fn a_file_is_measured_before_it_is_decoded() {
    let rules = Rules {
        bytes: 30,
        ..Rules::default()
    };
    assert_eq!(
        encoded("", &"A".repeat(60), &rules).unwrap_err().code,
        "file_too_large"
    );
    assert_eq!(
        bytes_of("", &[b'a'; 31], &rules).unwrap_err().code,
        "file_too_large"
    );
    assert_eq!(
        encoded("image/png", &STANDARD.encode(png(1, 1)), &rules)
            .unwrap()
            .is,
        Type::Png
    );
}

#[test]
fn other_types_are_told_by_their_first_bytes() {
    for (bytes, is) in [
        (b"RIFF\0\0\0\0WAVEfmt ".as_slice(), Some(Type::Wav)),
        (b"ID3\x04", Some(Type::Mp3)),
        (b"\xFF\xFB\x90\x64", Some(Type::Mp3)),
        (b"fLaC", Some(Type::Flac)),
        (b"OggS", Some(Type::Ogg)),
        (b"\0\0\0\x18ftypmp42", Some(Type::Mp4)),
        ("grün\n".as_bytes(), Some(Type::Text)),
        (b"a\0b", None),
        (b"\xFF\xFE\0", None),
    ] {
        assert_eq!(sniff(bytes), is, "{bytes:?}");
    }
}
