//! E3, S6: tickets for whom the policies let answer conversations: the same handlers as behind `golive inbox`.
//!
//! Never: believes a request about who answers; that is the principal.

use axum::extract::{Query, Request};
use golive_gateway::Gateway;
use golive_gateway::auth::principal::Principal;
use golive_gateway::door::ApiError;
use golive_gateway::socket::Ask;
use golive_store::Uuid;
use serde::Deserialize;
use serde_json::Value;

use super::resources::{ask, body};
use super::routes::What;

/// Which tickets to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filter {
    all: bool,
    limit: u32,
}

/// `{"text": "…"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: String,
}

/// `{"for_s": 3600}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snooze {
    for_s: u64,
}

/// `{}`, or `{"note": "…"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    #[serde(default)]
    note: Option<String>,
}

/// Answers a request that was let in. `name`: the ticket in its path.
pub(super) async fn answer(
    gateway: &Gateway,
    principal: &Principal,
    what: What,
    name: &str,
    request: Request,
) -> Result<Value, ApiError> {
    if what == What::Tickets {
        let uri = request.uri().clone(); // the body is not to be held while waiting
        drop(request);
        let Query(Filter { all, limit }) = Query::<Filter>::try_from_uri(&uri)
            .map_err(|error| ApiError::new(400, "bad_query", format!("{error}.")).with_should_retry(false))?;
        return ask(gateway, Ask::InboxList { all, limit }).await;
    }
    let missing = || ApiError::new(404, "not_found", "No ticket has this id.").with_should_retry(false);
    let ticket: Uuid = name.parse().map_err(|_| missing())?;
    let by = principal.id.clone();
    let asked = match what {
        What::AnswerTicket => {
            let Answer { text } = body(request).await?;
            Ask::InboxAnswer { ticket, text, by }
        }
        What::SnoozeTicket => {
            let Snooze { for_s } = body(request).await?;
            Ask::InboxSnooze { ticket, for_s, by }
        }
        What::ResolveTicket => {
            let Resolve { note } = body(request).await?;
            Ask::InboxResolve { ticket, note, by }
        }
        _ => {
            drop(request);
            return ask(gateway, Ask::InboxShow { ticket })
                .await
                .map_err(|_| missing());
        }
    };
    ask(gateway, asked).await
}
