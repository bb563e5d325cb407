//! S6: what stands behind the routes: the same handlers as behind the socket of operators, and what only a caller
//! over the network must be held to.

use axum::extract::{Query, Request};
use golive_gateway::Gateway;
use golive_gateway::auth::principal::Principal;
use golive_gateway::door::ApiError;
use golive_gateway::policy::{Action, DEFAULT_ROLE, Kind, Resource, Who};
use golive_gateway::socket::{self, Ask, NewKeyAsk, RowsAsk};
use golive_store::{Uuid, now_us};
use http::{Uri, header};
use serde_json::Value;

use super::routes::{Route, What};

/// The longest body: a new key with all its names.
const BODY_MAX: usize = 64 * 1024;
/// Rows of a page when the request names no number.
const ROWS: u32 = 100;
/// The most rows of a page, as over the socket.
const ROWS_MAX: u32 = 1000;

/// Answers a request that was let in. `name`: the one in its path.
pub(super) async fn answer(
    gateway: &Gateway,
    principal: &Principal,
    route: &Route,
    name: &str,
    request: Request,
) -> Result<Value, ApiError> {
    match route.what {
        What::Rows => {
            let uri = request.uri().clone(); // the body is not to be held while waiting
            drop(request);
            rows(gateway, principal, &uri).await
        }
        What::Row => row(gateway, principal, name).await,
        What::Keys => ask(gateway, Ask::KeysList {}).await,
        What::NewKey => {
            let new: NewKeyAsk = body(request).await?;
            may_hand_out(principal, &new)?;
            ask(gateway, Ask::KeysCreate(new)).await
        }
        What::RevokeKey => {
            let key = name.to_owned();
            let revoked = ask(gateway, Ask::KeysRevoke { key }).await;
            revoked.map_err(|error| ApiError { status: 404, ..error })
        }
        What::Matrix => ask(gateway, Ask::AuthMatrix {}).await,
        What::Tickets | What::Ticket | What::AnswerTicket | What::SnoozeTicket | What::ResolveTicket => {
            super::tickets::answer(gateway, principal, route.what, name, request).await
        }
    }
}

pub(super) async fn ask(gateway: &Gateway, ask: Ask) -> Result<Value, ApiError> {
    let runtime = gateway.runtime();
    match socket::handle(ask, &gateway.store, &runtime.config, Some(gateway), now_us()).await {
        socket::Answer::Ok(value) => Ok(value),
        socket::Answer::Error(why) => {
            Err(ApiError::new(400, "refused", format!("{why}.")).with_should_retry(false))
        }
    }
}

/// Whether it may see rows of others.
fn sees_all(gateway: &Gateway, principal: &Principal) -> bool {
    let all = Resource::new(Kind::Ledger, "all");
    gateway.authorise(principal, Action::Read, all).is_ok()
}

async fn rows(gateway: &Gateway, principal: &Principal, uri: &Uri) -> Result<Value, ApiError> {
    let Query(mut filter) = Query::<RowsAsk>::try_from_uri(uri)
        .map_err(|error| ApiError::new(400, "bad_query", format!("{error}.")).with_should_retry(false))?;
    if filter.limit == 0 {
        filter.limit = ROWS;
    }
    if filter.limit > ROWS_MAX {
        let words = format!("`limit` is {ROWS_MAX} at the most; `until_us` asks for older rows.");
        return Err(ApiError::new(400, "bad_query", words)
            .with_param("limit")
            .with_should_retry(false));
    }
    if !sees_all(gateway, principal) {
        if filter
            .principal
            .as_ref()
            .is_some_and(|wanted| *wanted != principal.id)
        {
            return Err(ApiError::new(
                403,
                "permission_denied",
                "This key may read the rows of its own requests only.",
            )
            .with_param("principal")
            .with_should_retry(false));
        }
        filter.principal = Some(principal.id.clone());
    }
    ask(gateway, Ask::Ledger(filter)).await
}

/// A row of another is not there, for whom may not see it.
async fn row(gateway: &Gateway, principal: &Principal, name: &str) -> Result<Value, ApiError> {
    let missing = || ApiError::new(404, "not_found", "No request has this id.").with_should_retry(false);
    let id: Uuid = name.parse().map_err(|_| missing())?;
    let content = false;
    let row = ask(gateway, Ask::Explain { id, content })
        .await
        .map_err(|_| missing())?;
    if row["principal"] != principal.id.as_str() && !sees_all(gateway, principal) {
        return Err(missing());
    }
    Ok(row)
}

pub(super) async fn body<T: serde::de::DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        let words = "The body must be JSON; send `Content-Type: application/json`.";
        return Err(ApiError::new(415, "not_json", words).with_should_retry(false));
    }
    let bytes = axum::body::to_bytes(request.into_body(), BODY_MAX)
        .await
        .map_err(|_| ApiError::new(413, "request_too_large", "The body is too large, or broke off."))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::new(
            400,
            "bad_body",
            format!("The body is not what this takes: {error}."),
        )
        .with_should_retry(false)
    })
}

/// Nobody but an `admin` gives away what it does not have: a role that may make keys must not become every role.
fn may_hand_out(principal: &Principal, new: &NewKeyAsk) -> Result<(), ApiError> {
    let held: Vec<&str> = Who::of(principal).effective_roles().collect();
    if held.contains(&"admin") {
        return Ok(());
    }
    let default = [DEFAULT_ROLE.to_owned()];
    let roles = if new.roles.is_empty() {
        &default[..]
    } else {
        &new.roles
    };
    let more = roles.iter().find(|role| !held.contains(&role.as_str()));
    let agents = new
        .agents
        .iter()
        .all(|name| name != "*" && principal.may_call_agent(name));
    let models = new
        .models
        .iter()
        .all(|name| name != "*" && principal.may_call_model(name));
    let why = match more {
        Some(_) => "a role that it does not hold itself",
        None if new.team != principal.team => "another team than its own",
        None if new.may_assert_users && !principal.may_assert_users => "the right to assert users",
        None if !agents || !models => "agents or models other than those it may call, each by name",
        None => return Ok(()),
    };
    let words = format!("Only an admin may give a key {why}.");
    Err(ApiError::new(403, "permission_denied", words).with_should_retry(false))
}
