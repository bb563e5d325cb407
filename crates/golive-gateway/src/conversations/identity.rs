//! E3: which conversation a request belongs to.
//!
//! Never: tells one owner of another's, or takes a conversation for a person's who was not asserted.

use std::sync::Arc;

use bytes::Bytes;
use golive_config::CalleeKind;
use golive_store::{ConversationKey, Store};
use golive_wire::{ApiError, texts};
use http::HeaderMap;

use super::{Entry, Held, Owner, owner_of};
use crate::auth::principal::Kind;
use crate::call::{Call, Surface};
use crate::runtime::Route;

/// The header by which a caller names a conversation, and is told of one.
pub(crate) const HEADER: &str = "golive-conversation";
/// Of golive's own names for conversations.
const OWN: &str = "conv_";
/// Bytes of what the user says that are listened to and kept.
const SAID_MAX: usize = 16 * 1024;
/// The official SDKs count their own retries here.
const RETRY_COUNT: &str = "x-stainless-retry-count";

/// The conversation of a request to an agent; `None`: it has none.
///
/// # Errors
/// The name is not usable, or it is the name of another's.
pub(crate) async fn identify(
    call: &Call,
    headers: &HeaderMap,
    body: &Bytes,
    route: &Route,
    include_usage: bool,
) -> Result<Option<Held>, ApiError> {
    if route.callee.kind != CalleeKind::Agent || !route.callee.escalation.enabled {
        return Ok(None);
    }
    let Some(owner) = owner_of(call) else {
        return Ok(None);
    };
    let store = &call.gateway.store;
    let conversations = &call.gateway.conversations;
    let entry = match headers.get(HEADER) {
        Some(value) => {
            let name = value.to_str().ok().filter(|name| is_name(name)).ok_or_else(|| {
                let words = "The golive-conversation header must hold 1 to 128 letters, digits, `-`, `_`, `.` or `:`.";
                ApiError::new(400, "invalid_conversation", words).with_should_retry(false)
            })?;
            Some(named(call, &owner, name, &route.id).await?)
        }
        None => {
            // Without a person, two people of one application would share a conversation.
            let is_person =
                call.user.is_some() || call.principal.as_ref().is_some_and(|one| one.kind == Kind::Token);
            let begins = match (is_person, &call.surface) {
                (false, _) => None,
                (true, Surface::Chat | Surface::Messages) => texts::said_first(body),
                // Each request of an HTTP agent holds one message: all of a person's are one conversation.
                (true, _) => Some(String::new()),
            };
            begins.and_then(|begins| {
                let key = hashed(store, &owner, &route.id, &begins);
                conversations.enter(key, (own_name(&key).as_str(), route.id.as_str()), &owner, call.at)
            })
        }
    };
    let Some(entry) = entry else { return Ok(None) };
    let said = match route.pointers.as_ref() {
        Some(pointers) => pointers.input.read_str(body).map(|text| text.into_owned()),
        None => texts::said_now(body),
    };
    Ok(Some(Held {
        entry,
        said: said.map(|text| cut(&text, SAID_MAX).to_owned()),
        body: body.clone(),
        locale: locale(headers),
        resent: headers
            .get(RETRY_COUNT)
            .and_then(|count| count.to_str().ok()?.parse::<u32>().ok())
            .is_some_and(|count| count > 0),
        include_usage,
        weighed: false,
    }))
}

/// The conversation that its owner calls so, made if it is not there.
async fn named(call: &Call, owner: &Owner, name: &str, agent: &str) -> Result<Arc<Entry>, ApiError> {
    let full = || {
        ApiError::new(
            503,
            "conversations_full",
            "No more conversations can be taken right now. Please try again in a minute.",
        )
        .with_retry_after(std::time::Duration::from_secs(60))
    };
    if let Some(entry) = find_own(call, owner, name).await? {
        return Ok(entry);
    }
    let key = named_key(&call.gateway.store, owner, name);
    call.gateway
        .conversations
        .enter(key, (name, agent), owner, call.at)
        .ok_or_else(full)
}

/// A conversation that is there and this owner's, by the name golive or its owner gave it.
///
/// # Errors
/// It is another's: 404.
pub(super) async fn find(call: &Call, owner: &Owner, name: &str) -> Result<Arc<Entry>, ApiError> {
    if !is_name(name) {
        return Err(not_found());
    }
    if let Some(entry) = find_own(call, owner, name).await? {
        return Ok(entry);
    }
    let gateway = &call.gateway;
    let key = named_key(&gateway.store, owner, name);
    if let Some(entry) = gateway.conversations.get(&key) {
        return Ok(entry);
    }
    match gateway.store.conversation(key).await {
        Ok(Some(record)) => Ok(gateway.conversations.adopt(&record)),
        Ok(None) => Err(not_found()),
        Err(error) => Err(unreadable(&error)),
    }
}

/// By a name that golive gave; `None`: it is no such name, or nothing is known of it.
async fn find_own(call: &Call, owner: &Owner, name: &str) -> Result<Option<Arc<Entry>>, ApiError> {
    let Some(key) = own_key(name) else { return Ok(None) };
    let gateway = &call.gateway;
    let entry = match gateway.conversations.get(&key) {
        Some(entry) => entry,
        None => match gateway.store.conversation(key).await {
            Ok(Some(record)) => gateway.conversations.adopt(&record),
            Ok(None) => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        },
    };
    if entry.owner != *owner {
        return Err(not_found());
    }
    Ok(Some(entry))
}

fn not_found() -> ApiError {
    ApiError::new(
        404,
        "conversation_not_found",
        "There is no such conversation of yours.",
    )
    .with_should_retry(false)
}

fn unreadable(error: &golive_store::TicketError) -> ApiError {
    tracing::error!(
        error = crate::upstream::chain_of(error),
        "a conversation cannot be read"
    );
    ApiError::new(
        503,
        "conversations_unavailable",
        "Conversations cannot be read right now. Please try again in a moment.",
    )
    .with_retry_after(std::time::Duration::from_secs(5))
}

/// The key of a conversation that its owner named.
fn named_key(store: &Store, owner: &Owner, name: &str) -> ConversationKey {
    hashed(store, owner, "named", name)
}

fn hashed(store: &Store, owner: &Owner, within: &str, begins: &str) -> ConversationKey {
    let user = owner.user.map(|user| user.to_string()).unwrap_or_default();
    // The length of each part but the last goes in front of it: no two sets of parts give the same text.
    let parts = [owner.principal.as_str(), &user, within].map(|part| format!("{}:{part}", part.len()));
    let text = format!("{}{begins}", parts.concat());
    store.user_hash("conversation", &text).0
}

fn own_name(key: &ConversationKey) -> String {
    let mut name = OWN.to_owned();
    for byte in key {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

fn own_key(name: &str) -> Option<ConversationKey> {
    let digits = name.strip_prefix(OWN)?;
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() != 32 || !digits.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// The names a conversation can have: what also a path may hold.
pub(super) fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The first language of `Accept-Language`, if it is one.
fn locale(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let first = text.split([',', ';']).next()?.trim();
    let good = (2..=16).contains(&first.len())
        && first
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    good.then(|| first.to_ascii_lowercase())
}

/// At most so many bytes of a text, whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golives_own_names_lead_back_to_their_keys_and_others_do_not() {
        let key = [0xab; 16];
        assert_eq!(own_key(&own_name(&key)), Some(key));
        for name in ["conv_", "conv_ab", &format!("conv_{}", "AB".repeat(16)), "chat-1"] {
            assert_eq!(own_key(name), None, "{name}");
        }
        assert!(is_name("conv_1.2:3-x") && !is_name("") && !is_name("a b") && !is_name(&"x".repeat(129)));
    }
}
