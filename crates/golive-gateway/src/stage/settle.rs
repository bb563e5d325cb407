//! M2: ends the trip: one row, committed before the last byte of the answer.

use golive_store::CommitRefused;

use crate::call::{Call, Outcome};

/// Commits the call's row.
///
/// # Errors
/// The ledger can take no row. It was logged; the caller is to be told that the request failed.
pub async fn run(call: Box<Call>, outcome: &Outcome, status: u16) -> Result<(), CommitRefused> {
    let id = call.id;
    call.settle(outcome, status).await.inspect_err(|refusal| {
        tracing::error!(request = %id, error = %refusal, "a row could not be recorded");
    })
}
