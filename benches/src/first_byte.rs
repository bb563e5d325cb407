//! Time to the first streamed byte that a server adds to a direct call, from the moment the request was due.
//!
//! Never: a comment or a ping as the first byte: what counts is the first event with data.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use golive_load::driver::Finished;
use golive_load::http::{Content, Examine};
use serde::Serialize;

use crate::Failed;
use crate::latency::rows;
use crate::open_loop::{Offer, Series, Ways, interleave};
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::upstream::PACED;

/// First bytes of every route.
#[derive(Debug, Serialize)]
pub struct FirstByte {
    rate_per_s: f64,
    rounds: usize,
    hold_s: f64,
    routes: Vec<Series>,
}

/// Measures it.
pub async fn measure(stage: &Stage, sizes: &Sizes) -> Result<FirstByte, Failed> {
    let ways = Ways::open(stage, true).await?;
    let offer = Offer {
        model: PACED,
        stream: true,
        rate_per_s: sizes.first_byte_rate,
        hold: sizes.first_byte_hold,
        rounds: sizes.first_byte_rounds,
    };
    let routes = interleave(&ways.routes, offer, first_byte, |_| Events::default()).await?;
    ways.close().await?;
    Ok(FirstByte {
        rate_per_s: offer.rate_per_s,
        rounds: offer.rounds,
        hold_s: offer.hold.as_secs_f64(),
        routes,
    })
}

fn first_byte(done: &Finished) -> Option<Duration> {
    let late = done.started.saturating_sub(done.intended);
    Some(late + done.reply.first_byte?)
}

/// Looks for the first event with data. Of what came before only the end is kept: a piece may be cut within the word.
#[derive(Default)]
struct Events {
    seen: bool,
    end: Vec<u8>,
}

impl Examine for Events {
    fn piece(&mut self, bytes: &Bytes) -> Content {
        if !self.seen {
            self.end.extend_from_slice(bytes);
            self.seen = self.end.windows(DATA.len()).any(|window| window == DATA);
            let keep = self.end.len().saturating_sub(DATA.len());
            self.end.drain(..keep);
        }
        if self.seen {
            Content::Useful
        } else {
            Content::Filler
        }
    }
}

const DATA: &[u8] = b"data:";

impl fmt::Display for FirstByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "1 KB chat, streamed answer of 200 ms; {} streams/s, open loop, {} rounds of {} s on each, interleaved",
            self.rate_per_s, self.rounds, self.hold_s
        )?;
        write!(f, "{}", rows(&self.routes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_no_first_byte_and_a_word_may_be_cut() {
        let mut events = Events::default();
        let mut piece = |text: &'static str| events.piece(&Bytes::from_static(text.as_bytes()));
        assert_eq!(piece(": ping\n\nda"), Content::Filler);
        assert_eq!(piece("ta: {}\n\n"), Content::Useful);
        assert_eq!(piece(": ping\n\n"), Content::Useful);
    }
}
