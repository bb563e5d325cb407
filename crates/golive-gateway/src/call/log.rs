//! E2: what went wrong with a call, for the error log.
//!
//! Never: holds a user in clear.

use super::*;

impl Call {
    /// Writes what went wrong into the error log: a failed request, or one that was saved by another attempt.
    pub(super) fn log(&mut self, outcome: &Outcome, status: u16) {
        let log = &self.gateway.error_log;
        let failed = matches!(outcome, Outcome::Error(_));
        if !log.is_on() || !(failed || (*outcome == Outcome::Ok && !self.failures.is_empty())) {
            return;
        }
        let Some(principal) = &self.principal else { return };
        let error_type = match outcome {
            Outcome::Error(code) => (*code).to_owned(),
            _ => self
                .failures
                .last()
                .map_or_else(String::new, |last| last.failure.to_owned()),
        };
        let user = match self.user {
            Some(user) => hex(&user.0),
            None => hex(&principal.hash.to_be_bytes()),
        };
        log.write(Entry {
            timestamp: crate::clock::rfc3339(self.gateway.now()),
            request_id: self.id.to_string(),
            trace_id: self.trace.trace_id_hex(),
            user,
            principal: principal.id.clone(),
            callee: self.route.as_ref().map(|route| route.id.clone()),
            link: self.link().map(|hop| hop.name.clone()),
            error_type,
            recovery_action: self.recovery(outcome, status),
            error_chain: std::mem::take(&mut self.failures),
            input_summary: std::mem::take(&mut self.input_summary),
            spans: serde_json::from_str(&decisions_json(&self.decisions)).unwrap_or_default(),
            status,
        });
    }

    fn recovery(&self, outcome: &Outcome, status: u16) -> String {
        let attempts = self.attempts;
        match outcome {
            Outcome::Ok => {
                let link = self.link().map_or("another link", |hop| hop.name.as_str());
                format!("answered by {link} at attempt {attempts}")
            }
            _ if status == 200 && self.first_byte.is_some() => {
                "the break was told in the stream; nothing was tried again".to_owned()
            }
            _ if status == 200 => format!("a degraded reply after {attempts} attempts"),
            _ => format!("an error with status {status} after {attempts} attempts"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .take(16)
        .fold(String::with_capacity(32), |mut out, byte| {
            let _ = write!(out, "{byte:02x}"); // a string takes all
            out
        })
}
