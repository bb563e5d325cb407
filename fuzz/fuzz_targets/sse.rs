//! P2: the splitter gives the same events however the stream is cut, and loses no byte.
#![no_main]

use bytes::Bytes;
use golive_wire::sse::{Event, Splitter, Tail, TooLong};
use libfuzzer_sys::fuzz_target;

// The first two bytes choose the maximum and how the rest is cut; the rest is the stream.
fuzz_target!(|input: &[u8]| {
    let [max, cut, stream @ ..] = input else { return };
    let max = if *max == 0 { 1 << 20 } else { usize::from(*max) };
    let whole = run(&[stream], max);
    let step = usize::from(*cut) % 16 + 1;
    let chunks: Vec<&[u8]> = stream.chunks(step).collect();
    assert_eq!(run(&chunks, max), whole, "cut every {step} bytes");
    let (head, rest) = stream.split_at(usize::from(*cut) * stream.len() / 256);
    assert_eq!(run(&[head, rest], max), whole, "cut at {}", head.len());

    let (events, Ok(tail)) = whole else { return };
    let mut joined: Vec<u8> = events
        .iter()
        .chain(&tail.last)
        .flat_map(|event| event.raw.to_vec())
        .collect();
    joined.extend_from_slice(&tail.left_over);
    assert_eq!(joined, stream, "every byte is in one event or left over");
    for event in &events {
        let _ = golive_wire::openai::stream::classify(event);
        let _ = golive_wire::anthropic::stream::classify(event);
        if let Some(stripped) = golive_wire::openai::stream::strip_usage(event) {
            let again = Event::parse(stripped).map(|event| golive_wire::openai::stream::strip_usage(&event));
            assert_ne!(again, Some(None), "what was kept once is kept again");
        }
        for data in [&b"x"[..], b" x", b"", b"x\n y\n"] {
            let other = event.with_data(data);
            // A byte order mark that begins a later line may come to stand first when the event is read alone.
            if event.has_data && !event.raw.windows(3).any(|bytes| bytes == b"\xEF\xBB\xBF") {
                let read = Event::parse(other).expect("still one event");
                assert_eq!((&read.data[..], read.event()), (data, event.event()));
            }
        }
    }
    let _ = tail.as_if_ended();
});

fn run(chunks: &[&[u8]], max: usize) -> (Vec<Event>, Result<Tail, TooLong>) {
    let mut splitter = Splitter::new(max);
    let mut events = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk));
        loop {
            match splitter.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
    }
    let tail = splitter.finish();
    (events, Ok(tail))
}
