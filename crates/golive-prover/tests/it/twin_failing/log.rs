//! The agent's error log: one JSON line per failure.

use std::io::Write as _;

use serde_json::json;

use super::serve::Failure;
use super::{Agent, Flaw};

/// What is known of a call.
pub struct Call {
    pub id: String,
    pub user: String,
    pub trace: String,
    pub prompt: String,
    pub key: String,
}

impl Agent {
    pub fn log(&self, call: &Call, failure: &Failure) {
        if self.flaw == Flaw::NoEntry {
            return;
        }
        let trace = call.trace.split('-').nth(1).unwrap_or_default();
        let user = match self.flaw {
            Flaw::UserInClear => call.user.clone(),
            Flaw::PlainHashOfUser => {
                hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, call.user.as_bytes()).as_ref())
            }
            Flaw::PlainMd5OfUser => golive_prover::md5_hex(call.user.as_bytes()),
            Flaw::SameHashForAll => keyed("everybody"),
            Flaw::HashChanges => keyed(&call.id),
            _ => keyed(&call.user),
        };
        let summary = match self.flaw {
            Flaw::PromptInClear => call.prompt.clone(),
            _ => format!("a question of {} letters", call.prompt.len()),
        };
        let mut entry = json!({
            "timestamp": jiff::Timestamp::now().to_string(),
            "level": "error",
            "user": user,
            "input_summary": summary,
            "error_type": failure.kind,
            "error_chain": failure.chain,
            "recovery_action": "told the caller to try again",
            "trace_id": trace,
            "request_id": call.id,
        });
        match self.flaw {
            Flaw::NoRecoveryAction => drop(entry.as_object_mut().unwrap().remove("recovery_action")),
            Flaw::NoTrace => entry["trace_id"] = json!("00000000000000000000000000000000"),
            Flaw::KeyInClear => entry["headers"] = json!({"authorization": call.key}),
            _ => {}
        }
        let mut line = format!("{entry}\n");
        if self.flaw == Flaw::TwoEntries {
            line = format!("{line}{line}");
        }
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Keyed with something only the agent knows.
fn keyed(user: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"the agent's own key");
    hex(aws_lc_rs::hmac::sign(&key, user.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
