//! P2, M2: the splitter: the HTML standard's rules, byte-faithful, whatever the network does.

use crate::events;
use bytes::Bytes;
use golive_wire::sse::{Event, Splitter, Tail, TooLong};
use proptest::prelude::*;

fn run(chunks: &[&[u8]], max: usize) -> (Vec<Event>, Result<Tail, TooLong>) {
    let mut splitter = Splitter::new(max);
    let mut found = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk));
        loop {
            match splitter.next() {
                Ok(Some(event)) => found.push(event),
                Ok(None) => break,
                Err(error) => return (found, Err(error)),
            }
        }
    }
    let tail = splitter.finish();
    (found, Ok(tail))
}

fn read(stream: &str) -> Vec<(Option<String>, Option<String>)> {
    let (mut found, tail) = run(&[stream.as_bytes()], 1 << 20);
    found.extend(tail.unwrap().last);
    found
        .into_iter()
        .map(|event| {
            let data = event
                .has_data
                .then(|| String::from_utf8(event.data.to_vec()).unwrap());
            (event.event().map(str::to_owned), data)
        })
        .collect()
}

fn message(data: &str) -> (Option<String>, Option<String>) {
    (None, Some(data.to_owned()))
}

#[test]
fn every_line_ending_ends_a_line() {
    for ending in ["\n", "\r", "\r\n"] {
        let stream = ["event: a", "data: 1", "data: 2", "", "data:3", "", ""].join(ending);
        let expected = vec![(Some("a".to_owned()), Some("1\n2".to_owned())), message("3")];
        let found = read(&stream);
        assert_eq!(found[..2], expected, "{ending:?}");
    }
    assert_eq!(
        read("data: x\r\n\ndata: y\n\r\n"),
        vec![message("x"), message("y")],
        "mixed endings"
    );
}

#[test]
fn fields_are_read_as_the_standard_says() {
    assert_eq!(read("data\n\n"), vec![message("")], "no colon: an empty value");
    assert_eq!(read("data\ndata\n\n"), vec![message("\n")]);
    assert_eq!(
        read("data:  two\n\n"),
        vec![message(" two")],
        "only one space goes"
    );
    assert_eq!(read("data: a:b\n\n"), vec![message("a:b")]);
    assert_eq!(
        read("DATA: x\nid: 7\nretry: 9\n\n"),
        vec![(None, None)],
        "names are case-sensitive"
    );
    assert_eq!(
        read(": comment\n\n\n"),
        vec![(None, None), (None, None)],
        "comments and empty blocks are kept, without data"
    );
    assert_eq!(
        read("event: a\nevent: b\n\n"),
        vec![(Some("b".to_owned()), None)],
        "the last name counts"
    );
}

#[test]
fn one_byte_order_mark_may_stand_at_the_start() {
    assert_eq!(read("\u{feff}data: x\n\n"), vec![message("x")]);
    assert_eq!(read("\u{feff}\n\n"), vec![(None, None), (None, None)]);
    assert_eq!(
        read("data: x\n\n\u{feff}data: y\n\n"),
        vec![message("x"), (None, None)]
    );
}

#[test]
fn a_chunk_that_holds_whole_events_is_not_copied() {
    let chunk = Bytes::from_static(b"data: {\"a\":1}\n\ndata: 2\n\n");
    let mut splitter = Splitter::new(64);
    splitter.push(chunk.clone());
    let event = splitter.next().unwrap().unwrap();
    assert_eq!(event.raw.as_ptr(), chunk.as_ptr());
    assert_eq!(event.data.as_ptr(), chunk[6..].as_ptr());
}

#[test]
fn a_cut_stream_leaves_its_bytes_over() {
    let (found, tail) = run(&[b"data: 1\n\ndata: 2\n"], 64);
    let tail = tail.unwrap();
    assert_eq!((found.len(), &tail.left_over[..]), (1, &b"data: 2\n"[..]));
    assert_eq!(tail.as_if_ended().unwrap().data, "2");
    assert_eq!(tail.as_if_ended().unwrap().raw, "data: 2\n");
    let (_, tail) = run(&[b"data: 1\n\nda"], 64);
    assert_eq!(tail.unwrap().left_over, "da");
    let (_, tail) = run(&[b"data: 1\n\n"], 64);
    assert_eq!(
        tail.unwrap(),
        Tail {
            last: None,
            left_over: Bytes::new()
        }
    );
}

#[test]
fn an_event_that_is_too_long_is_refused_and_stays_refused() {
    let mut splitter = Splitter::new(16);
    splitter.push(Bytes::from_static(b"data: 12345678\n\n"));
    assert!(
        splitter.next().unwrap().is_some(),
        "the maximum itself is allowed"
    );
    splitter.push(Bytes::from_static(b"data: 1234567890"));
    assert_eq!(splitter.next(), Ok(None));
    splitter.push(Bytes::from_static(b"1"));
    assert_eq!(splitter.next(), Err(TooLong { max: 16 }));
    splitter.push(Bytes::from_static(b"\n\n"));
    assert_eq!(splitter.next(), Err(TooLong { max: 16 }));
}

#[test]
fn other_data_keeps_every_other_line() {
    for (raw, new, expected) in [
        (
            ": c\r\nid:1\r\ndata:old\r\n\r\n",
            "new",
            ": c\r\nid:1\r\ndata:new\r\n\r\n",
        ),
        ("data: a\nid: 1\ndata: b\n\n", "new", "id: 1\ndata: new\n\n"),
        ("data: a\rdata: b\n\n", "x\ny", "data: x\ndata: y\n\n"),
        ("data\n\n", "new", "data: new\n\n"),
        (
            "data: a\n\u{feff}data: b\n\n",
            "x\ny",
            "data: x\ndata: y\n\u{feff}data: b\n\n",
        ),
        ("data:old\n\n", " new", "data:  new\n\n"),
        ("data: old\n\n", "", "data: \n\n"),
        (
            "event: x\ndata: old\n\n",
            "a\nb",
            "event: x\ndata: a\ndata: b\n\n",
        ),
        ("\u{feff}data: a\ndata: b\n\n", "new", "\u{feff}data: new\n\n"),
    ] {
        assert_eq!(Event::parse(raw).unwrap().with_data(new.as_bytes()), expected);
    }
}

#[test]
fn an_event_is_parsed_only_from_exactly_one() {
    assert!(Event::parse("data: 1\n\n").is_some());
    assert!(Event::parse("data: 1\r\r").is_some());
    assert!(Event::parse("data: 1\n").is_none());
    assert!(Event::parse("data: 1\n\ndata: 2\n\n").is_none());
    assert!(Event::parse("").is_none());
}

/// Streams made of what matters: endings in every mix, fields, comments, marks, and some noise.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"data: {\"a\":1}",
        b"data:",
        b"data",
        b"event: x",
        b": c",
        b"id: 1",
        b"\xEF\xBB\xBF",
        b":",
        b" ",
        b"\xff\xfe",
        b"retry: 5",
        "data: é".as_bytes(),
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_split_at_every_byte_gives_the_same_events(stream in stream(), max in prop_oneof![Just(1usize << 20), 8..40usize]) {
        let whole = run(&[&stream], max);
        for at in 0..=stream.len() {
            let (head, rest) = stream.split_at(at);
            let found = run(&[head, rest], max);
            prop_assert_eq!(&found, &whole, "cut at {}", at);
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let found = run(&bytes, max);
        prop_assert_eq!(&found, &whole, "byte by byte");
    }

    #[test]
    fn the_raw_bytes_together_are_the_stream(stream in stream()) {
        let (found, tail) = run(&[&stream], 1 << 20);
        let tail = tail.unwrap();
        let mut joined: Vec<u8> = found.iter().flat_map(|event| event.raw.to_vec()).collect();
        joined.extend(tail.last.iter().flat_map(|event| event.raw.to_vec()));
        joined.extend_from_slice(&tail.left_over);
        prop_assert_eq!(joined, stream);
    }

    #[test]
    fn pushing_without_draining_changes_nothing(stream in stream(), size in 1..9usize) {
        let whole = events(&stream);
        let mut splitter = Splitter::new(1 << 20);
        for chunk in stream.chunks(size) {
            splitter.push(Bytes::copy_from_slice(chunk));
        }
        let found: Vec<Event> = std::iter::from_fn(|| splitter.next().unwrap()).collect();
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn an_event_read_again_is_the_same_event(stream in stream()) {
        // A mark that stands later in a stream would be at the start of the event read alone.
        for event in events(&stream).into_iter().filter(|event| !event.raw.starts_with(b"\xEF\xBB\xBF")) {
            let again = Event::parse(event.raw.clone());
            prop_assert_eq!(again, Some(event));
        }
    }
}
