//! P2: the way of one request into the timeline, to its end whatever that is.
//!
//! Never: lets a request end unrecorded; dropped, it says who left.

use std::sync::Arc;

use super::World;
use crate::arrival::Outcome;
use crate::serve::connection::Control;
use crate::timeline::{Place, Tokens};

/// The way of one request into the timeline. Dropped before its end, it says why.
pub(crate) struct Record {
    world: Arc<World>,
    control: Control,
    place: Place,
    tokens: Tokens,
    byte_sent: bool,
    over: bool,
}

impl Record {
    pub(crate) fn new(world: Arc<World>, control: Control, place: Place) -> Self {
        Record {
            world,
            control,
            place,
            tokens: Tokens::default(),
            byte_sent: false,
            over: false,
        }
    }

    /// The status line is about to be sent.
    pub(crate) fn status(&mut self, status: u16, nonce: Option<u64>, tokens: Tokens) {
        self.tokens = tokens;
        self.world.timeline.update(self.place, |progress| {
            progress.status = Some(status);
            progress.outcome = Outcome::Open;
            progress.nonce = nonce;
            progress.tokens_in = tokens.input;
            progress.tokens_out = tokens.output;
        });
    }

    /// A byte of the body is about to be sent.
    pub(crate) fn byte_sent(&mut self) {
        if !self.byte_sent {
            self.byte_sent = true;
            let now = self.world.clock.now_us();
            self.world
                .timeline
                .update(self.place, |progress| progress.first_byte_at_us = Some(now));
        }
    }

    /// A fault keeps the client waiting.
    pub(crate) fn hung(&mut self) {
        if !self.over {
            self.world
                .timeline
                .update(self.place, |progress| progress.outcome = Outcome::Hung);
        }
    }

    /// The end; only the first one counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if !self.over {
            self.over = true;
            self.world.timeline.finish(self.place, outcome, self.tokens);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let outcome = if self.world.stop.is_cancelled() {
            Outcome::Stopped
        } else if self.control.was_reset() {
            Outcome::Reset
        } else if self.control.was_stopped() {
            Outcome::Cut
        } else {
            Outcome::ClientGone
        };
        self.end(outcome);
    }
}
