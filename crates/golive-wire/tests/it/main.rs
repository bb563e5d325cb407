//! S3, P2, E4, M2: the wire formats by example and by property.

mod anthropic;
mod edits;
mod openai;
mod requests;
mod responses;
mod sse;
mod texts;
mod tools;
mod translate;
mod translate_streams;

use golive_wire::{Event, Splitter};

/// All events of a stream that comes in one piece.
pub(crate) fn events(stream: &[u8]) -> Vec<Event> {
    let mut splitter = Splitter::new(1 << 20);
    splitter.push(stream.to_vec().into());
    std::iter::from_fn(|| splitter.next().unwrap()).collect()
}

/// One event with this data.
pub(crate) fn data(json: &str) -> Event {
    Event::parse(format!("data: {json}\n\n")).unwrap()
}
