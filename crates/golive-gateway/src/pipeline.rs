//! The way of a request: the only list of the stages, in their order.
//!
//! `accept (head) → identify → count → read → authorise → guard_tools → idempotent → converse → screen_input → admit →
//! reserve → dispatch → screen_output → relay → settle`; screen_output is asked within dispatch and relay, piece by
//! piece. Beside the way stands `hear`: whoever is over a limit may still ask for a person.

use std::sync::Arc;

use bytes::Bytes;
use golive_wire::{Wire, anthropic, openai};
use http::header::{self, HeaderValue};
use http::{Request, Response};
use http_body::Body as HttpBody;
use uuid::Uuid;

use crate::auth::peer::Peer;
use crate::body::Body;
use crate::call::{Call, Outcome, Surface};
use crate::conversations::surface;
use crate::gateway::Gateway;
use crate::reply::{self, Refused};
use crate::stage::authorise::May;
use crate::stage::idempotent::Turn;
use crate::stage::identify::Identified;
use crate::stage::{
    accept, admit, authorise, converse, count, dispatch, guard_tools, hear, idempotent, identify, read,
    relay, reserve, screen_input, settle,
};

/// Answers one request. `id` is what its answer and its row carry.
pub async fn serve<B>(gateway: Arc<Gateway>, id: Uuid, peer: &Peer, request: Request<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    if let Some(answer) = door_of_the_balancer(&gateway, &request) {
        return answer;
    }
    let accepted = match accept::run(&gateway, id, request) {
        Ok(accepted) => accepted,
        Err(no_door) => {
            return reply::bare_error(no_door.wire, &no_door.error, &id.to_string());
        }
    };
    let identified = match identify::run(accepted, peer).await {
        Ok(identified) => identified,
        Err(stranger) => {
            if !stranger.wait.is_zero()
                && let Ok(_place) = gateway.slow_places.try_acquire()
            {
                tokio::time::sleep(stranger.wait).await;
            }
            return reply::bare_error(stranger.wire, &stranger.error, &stranger.request_id);
        }
    };
    match trip(identified).await {
        Ok(response) => response,
        Err(refused) => match converse::failed(refused).await {
            Ok(a_person_takes_over) => a_person_takes_over,
            Err(refused) => reply::refuse(*refused).await,
        },
    }
}

/// The wire format in which a request expects to be told of an error, whatever becomes of it.
pub fn wire_of<B>(request: &Request<B>) -> Wire {
    accept::wire_of(request.uri().path(), accept::asked_wire(request.headers()))
}

async fn trip<B>(identified: Identified<B>) -> Result<Response<Body>, Box<Refused>>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let counted = match count::run(identified).await {
        Ok(counted) => counted,
        Err(over) => return hear::unread(over).await,
    };
    let read = match read::run(counted).await {
        Ok(read) => read,
        Err(refused) => return hear::after_reading(refused).await,
    };
    let authorised = match authorise::run(read)? {
        May::Call(authorised) => *authorised,
        May::List(call, names) => return Ok(list(call, &names).await),
        May::Converse(call, body) => return surface::answer(call, body).await,
    };
    let named = idempotent::name(&authorised);
    let guarded = guard_tools::run(authorised)?;
    let guarded = match idempotent::run(guarded, named).await? {
        Turn::First(guarded) => *guarded,
        Turn::Replayed(response) => return Ok(response),
    };
    let conversed = match converse::run(guarded).await? {
        converse::Turn::Agent(conversed) => *conversed,
        converse::Turn::Person(response) => return Ok(response),
    };
    let screened = screen_input::run(conversed).await?;
    let admitted = admit::run(screened).await?;
    let reserved = reserve::run(admitted).await?;
    let dispatched = dispatch::run(reserved).await?;
    Ok(relay::run(dispatched).await)
}

/// `/livez` and `/readyz`: for orchestrators and balancers, on the public listener, without any detail.
fn door_of_the_balancer<B>(gateway: &Gateway, request: &Request<B>) -> Option<Response<Body>> {
    let ready = match request.uri().path() {
        "/livez" => true,
        "/readyz" => !gateway.is_draining() && gateway.store.writer().can_record().is_ok(),
        _ => return None,
    };
    let (status, text) = if ready {
        (200, "ok\n")
    } else {
        (503, "not ready\n")
    };
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !ready {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    Some(response)
}

/// The names a key may call, as its SDK's list of models.
async fn list(mut call: Box<Call>, names: &[String]) -> Response<Body> {
    let created = call.at.0 / 1_000_000;
    let openai = |id| openai::models::ModelEntry {
        id,
        created,
        owned_by: "golive",
    };
    let anthropic = |id| anthropic::models::ModelEntry {
        id,
        display_name: id,
        created,
    };
    let body = match &call.surface {
        Surface::Models(Wire::Anthropic) => {
            anthropic::models::list(&names.iter().map(|name| anthropic(name)).collect::<Vec<_>>())
        }
        Surface::Model(Wire::Anthropic, name) => anthropic::models::one(&anthropic(name)),
        Surface::Model(_, name) => openai::models::one(&openai(name)),
        _ => openai::models::list(&names.iter().map(|name| openai(name)).collect::<Vec<_>>()),
    };
    call.bytes_out = body.len() as u64;
    let mut response = Response::new(Body::whole(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply::put_call_headers(response.headers_mut(), &call);
    let (wire, id) = (call.surface.wire(), call.id.to_string());
    match settle::run(call, &Outcome::Ok, 200).await {
        Ok(()) => response,
        Err(refusal) => reply::bare_error(wire, &reply::unrecorded(&refusal), &id),
    }
}
